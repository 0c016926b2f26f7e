const MAX_DRIFT = 20;
const MAX_DRIFT_TEXT = 100;

/** What an upstream's document does not know, as it is reported: sorted, each once, bounded in number and length. */
export function boundedDrift(surprises: Iterable<string>): string[] {
  return [...new Set([...surprises].map((text) => text.slice(0, MAX_DRIFT_TEXT)))].sort().slice(0, MAX_DRIFT);
}
