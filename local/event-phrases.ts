import * as z from 'zod';

/** Longest list of names, and of stories, that is spelled out. */
const MOST_NAMES = 4;
const MOST_STORIES = 3;

/** One named difference of an event, whatever else it holds. */
export const Change = z.looseObject({
  change: z.string(),
  from: z.unknown().optional(),
  to: z.unknown().optional(),
});
export type Change = z.infer<typeof Change>;

/** The first few stories, and how many more there are. */
export function told(stories: readonly string[]): string {
  const spoken = stories.filter((story) => story !== '');
  const more = spoken.length - MOST_STORIES;
  return spoken.slice(0, MOST_STORIES).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** The first few names in alphabetical order, and how many more there are. */
export function names(all: ReadonlySet<string>): string {
  const list = [...all].sort();
  const more = list.length - MOST_NAMES;
  return list.slice(0, MOST_NAMES).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** A word of an event, as far as it is one. */
export function text(value: unknown): string {
  return typeof value === 'string' ? value : '?';
}

/** `commentsChanged` → `comments changed` */
export function words(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
