import * as z from 'zod/mini';

/**
 * What the data of an event about a watched thing holds besides the nouns that identify it. A truncated event holds no
 * state, any other one holds those that its kind needs.
 *
 * @param of schemas of the state and of a change, and what the descriptions call the state (`offer`) and the watched
 *   thing (`title`)
 */
export function watchEventData<State extends z.ZodMiniType, Change extends z.ZodMiniType>(of: {
  readonly state: State;
  readonly change: Change;
  readonly noun: string;
  readonly watched: string;
}) {
  const { noun, watched } = of;
  const before = z
    .nullable(of.state)
    .check(z.describe(`The ${noun} before the change; null when truncated, or when there was none.`));
  const after = z.nullable(of.state).check(z.describe(`The ${noun} after the change; null when truncated.`));
  const none = z.null();
  const rest = {
    changes: z.array(of.change).check(z.describe(`This ${noun}'s differences; may be left out when truncated.`)),
    truncated: z
      .boolean()
      .check(z.describe('True when the states are too large for an event: fetch them at `history`.')),
    history: z.optional(z.string()).check(z.describe(`Path of the ${watched}'s history at the partner API.`)),
  };
  return {
    /** The first sight: there is no state before. */
    added: { before: none.check(z.describe('There was none.')), after, ...rest },
    /** There is no state any more. */
    removed: { before, after: none.check(z.describe('There is none any more.')), ...rest },
    changed: { before, after, ...rest },
  };
}

/** Refuses data that lacks one of the states named, unless it is truncated, and truncated data that holds a state. */
export const holds = (...states: readonly ('before' | 'after')[]) =>
  z.refine<{ truncated: boolean; before: unknown; after: unknown }>(
    (data) =>
      data.truncated ? data.before === null && data.after === null : states.every((state) => data[state] !== null),
    { error: 'before and after are null when truncated, and otherwise only where there is no such state' },
  );
