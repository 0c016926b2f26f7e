import * as z from 'zod';
import type { Checked } from './kinds.ts';
import { quote } from './quote.ts';

/** The watch identifier is the sort key of the index `lap`, which DynamoDB limits. */
const LONGEST_WATCH_ID_BYTES = 1024;

/**
 * A name that somebody else has given, such as an ALID or a SKU. The documents say only that these are strings; what is
 * refused here comes from a damaged file.
 */
export const identifier = z.string().superRefine((value, context) => {
  const problem = identifierProblem(value);
  if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
});

/** A name that stands in the path of a request. */
export const pathIdentifier = identifier.superRefine((value, context) => {
  const problem = pathProblem(value);
  if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
});

/** One of some words. */
export function oneOf<const Words extends readonly string[]>(words: Words) {
  return z.enum(words, { error: ({ input }) => `is ${quote(String(input))}; it must be one of ${words.join(', ')}` });
}

/** Why a name cannot be part of a path, if it cannot. */
export function pathProblem(value: string): string | undefined {
  return value === '.' || value === '..' ? `is ${quote(value)}, which cannot be part of a path` : undefined;
}

/** Each issue under the name of its column. */
export function problemsOf(error: z.ZodError): string[] {
  return error.issues.map(({ path, message }) => `${path.join('.')} ${message}`);
}

/** @param columns those that the length is due to, for the message */
export function fittingId(watchId: string, columns: string): Checked<string> {
  const bytes = Buffer.byteLength(watchId);
  if (bytes <= LONGEST_WATCH_ID_BYTES) return { value: watchId };
  return {
    problems: [`${columns}: ${bytes} bytes as a percent-encoded identifier, at most ${LONGEST_WATCH_ID_BYTES}`],
  };
}

function identifierProblem(value: string): string | undefined {
  if (value === '') return 'is empty';
  const shown = quote(value);
  if (/[\r\n]/u.test(value)) return `is ${shown}; it holds a line break`;
  if (/\p{Cc}/u.test(value)) return `is ${shown}; it holds a control character`;
  if (value !== value.trim()) return `is ${shown}; it begins or ends with a space`;
  if (value.includes('\uFFFD') || !value.isWellFormed())
    return `is ${shown}; it holds bytes that are not UTF-8: save the file as UTF-8`;
  return undefined;
}
