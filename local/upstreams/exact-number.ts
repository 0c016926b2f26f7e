/** `JSON.rawJSON` and `JSON.isRawJSON` (ECMAScript 2026), which the compiler's library does not know yet. */
const Json = JSON as typeof JSON & { rawJSON(text: string): object; isRawJSON(value: unknown): boolean };

/** A number that `JSON.stringify` writes digit by digit as given, such as `10.00`. */
export function exactNumber(text: string): object {
  return Json.rawJSON(text);
}

export function isExactNumber(value: unknown): boolean {
  return Json.isRawJSON(value);
}
