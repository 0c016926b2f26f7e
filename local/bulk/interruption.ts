import type { Screen } from './screen.ts';

/** Lets Ctrl-C end the work early; a second one ends the process at once. */
export function interruption(screen: Screen): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(130);
    screen.line('Stopping; what is under way is finished. Once more ends at once.');
    controller.abort();
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, stop);
  return {
    signal: controller.signal,
    release() {
      for (const signal of signals) process.off(signal, stop);
    },
  };
}

/** What is promised; undefined when the signal is first. */
export function unlessAborted<T>(promised: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
    promised.then(resolve, reject);
  });
}
