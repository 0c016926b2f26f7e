/** MovieLabs' Offer Status vocabulary, the most pressing code first. Open: Amazon may send others. */
export const PROGRESS_CODES = ['Issue', 'Live', 'Ready', 'In-Process'] as const;

const fold = (code: string): string => code.toLowerCase().replaceAll(/[\s_-]/gu, '');
const byFoldedCode = new Map<string, string>(PROGRESS_CODES.map((code) => [fold(code), code]));

/** The vocabulary's own spelling of a known code, whatever its case, blanks, hyphens and underscores; others trimmed. */
export function canonicalProgressCode(code: string): string {
  return byFoldedCode.get(fold(code)) ?? code.trim();
}

/** Whether a canonical code belongs to the documented vocabulary. */
export function isKnownProgressCode(code: string): boolean {
  return PROGRESS_CODES.some((known) => known === code);
}

/**
 * The one code that stands for several: the first present of Issue, Live, Ready and In-Process, then the first by
 * alphabet. Neither order nor time stamps of the answer play a part, so that equal answers give equal offers.
 */
export function mostPressingCode(codes: readonly [string, ...string[]]): string {
  return PROGRESS_CODES.find((known) => codes.includes(known)) ?? codes.toSorted()[0] ?? codes[0];
}
