import * as z from 'zod';
import {
  fitsIndex,
  identifierFault,
  LONGEST_WATCH_ID_BYTES,
  NOT_UTF_8,
  pathFault,
} from '../../lambdas/shared/watch-identifiers.ts';
import type { Checked } from './kinds.ts';
import { quote } from '../bulk/quote.ts';

/** A name that somebody else has given, such as an ALID or a SKU. */
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
  const fault = pathFault(value);
  return fault === undefined ? undefined : `is ${quote(value)}, which ${fault}`;
}

/** Each issue under the name of its column. */
export function problemsOf(error: z.ZodError): string[] {
  return error.issues.map(({ path, message }) => `${path.join('.')} ${message}`);
}

/** @param columns those that the length is due to, for the message */
export function fittingId(watchId: string, columns: string): Checked<string> {
  if (fitsIndex(watchId)) return { value: watchId };
  const bytes = Buffer.byteLength(watchId);
  return {
    problems: [`${columns}: ${bytes} bytes as a percent-encoded identifier, at most ${LONGEST_WATCH_ID_BYTES}`],
  };
}

function identifierProblem(value: string): string | undefined {
  const fault = identifierFault(value);
  if (fault === undefined || value === '') return fault;
  return `is ${quote(value)}; it ${fault}${fault === NOT_UTF_8 ? ': save the file as UTF-8' : ''}`;
}
