import { createInterface } from 'node:readline';

/** Asks a question that only a `y` agrees to; Ctrl-C and the end of the input are a no. */
export function ask(
  question: string,
  streams: { readonly input: NodeJS.ReadableStream; readonly output: NodeJS.WritableStream },
): Promise<boolean> {
  const dialogue = createInterface(streams);
  return new Promise((resolve) => {
    dialogue.once('close', () => resolve(false));
    dialogue.question(question, (answer) => {
      resolve(/^y(?:es)?$/iu.test(answer.trim()));
      dialogue.close();
    });
  });
}
