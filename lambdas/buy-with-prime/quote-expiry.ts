/**
 * Until when a quote may be given again: the earliest `expiresAt` anywhere in what Amazon answered, or what the header
 * Cache-Control says of a shared cache (RFC 9111, sections 4.2 and 5.2.2), whichever ends first.
 *
 * @param askedAt when Amazon was asked, epoch milliseconds
 * @param headers of the answer
 * @returns epoch milliseconds; undefined where neither says anything
 */
export function quoteExpiry(
  data: unknown,
  headers: { readonly 'cache-control'?: string | undefined; readonly age?: string | undefined },
  askedAt: number,
): number | undefined {
  const times = [...expiries(data), ...cacheTime(headers, askedAt)];
  return times.length === 0 ? undefined : times.reduce((earliest, time) => Math.min(earliest, time));
}

/** An expiry that cannot be read is none that has come: it is left to the time that quotes are kept at most. */
function* expiries(data: unknown): Generator<number> {
  // No recursion: an answer may be deeper than the stack.
  const open = [data];
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value !== 'object' || value === null) continue;
    for (const [key, part] of Object.entries(value)) {
      if (key === 'expiresAt' && typeof part === 'string' && !Number.isNaN(Date.parse(part))) yield Date.parse(part);
      else if (typeof part === 'object') open.push(part);
    }
  }
}

function* cacheTime(
  { 'cache-control': control = '', age = '0' }: Parameters<typeof quoteExpiry>[1],
  askedAt: number,
): Generator<number> {
  const directives = new Map(
    control.split(',').map((directive): [string, string] => {
      const [name = '', value = ''] = directive.split('=', 2).map((part) => part.trim());
      return [name.toLowerCase(), value.replace(/^"(.*)"$/u, '$1')];
    }),
  );
  if (['no-store', 'no-cache', 'private'].some((name) => directives.has(name))) yield askedAt;
  const lifetime = directives.get('s-maxage') ?? directives.get('max-age');
  // What is no number of seconds is stale at once (section 4.2.1).
  if (lifetime !== undefined) yield askedAt + Math.max(0, seconds(lifetime) - seconds(age)) * 1_000;
}

function seconds(text: string): number {
  return /^\d{1,10}$/u.test(text) ? Number(text) : 0;
}
