import type * as z from 'zod/mini';

/** The JSON value of an answer's text, or undefined when it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What an upstream says, as messages hold it: one line of at most 300 characters. */
export function oneLine(text: string): string {
  const line = text.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim();
  return line.length <= 300 ? line : `${line.slice(0, 299)}…`;
}

/**
 * Takes secrets out of what an upstream sent, in case it echoes what it was sent: as they are, percent-encoded, as a form
 * encodes them, and as JSON writers do that escape slashes, or what means something in HTML.
 */
export function redactor(secrets: readonly string[]): (text: string) => string {
  const forms = secrets
    .filter((secret) => secret !== '')
    .flatMap((secret) => [
      secret,
      encodeURIComponent(secret),
      String(new URLSearchParams({ s: secret })).slice(2),
      secret.replaceAll('/', '\\/'),
      secret.replaceAll(/[<>&=']/gu, (character) => `\\u00${character.charCodeAt(0).toString(16)}`),
    ]);
  return (text) => [...new Set(forms)].reduce((cleaned, form) => cleaned.replaceAll(form, '[redacted]'), text);
}

/** Which places of an answer are wrong in which way, array positions aside: equal for equal slips of the upstream. */
export function shapeOf(error: z.core.$ZodError): string {
  const places = error.issues.map(({ path, code }) => {
    const place = path.map((key) => (typeof key === 'number' ? '[]' : `.${String(key)}`)).join('');
    return `${place.slice(1) || 'body'}:${code}`;
  });
  return [...new Set(places)].sort().join(' ').slice(0, 500);
}
