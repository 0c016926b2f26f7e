import type { CheckResult } from './capability.ts';

/** Violations of one check that are shown; all of them are in the findings. */
const SHOWN = 10;

/** Carries a check out. One that throws has found something that nobody has thought of, and takes no other with it. */
export function attempt(name: string, check: () => CheckResult): CheckResult {
  try {
    return check();
  } catch (error) {
    const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { name, counts: { thrown: 1 }, violations: [`could not be carried out: ${why}`] };
  }
}

/** A check that had nothing to look at has shown nothing: its own first count says so. */
export function refuseEmpty(check: CheckResult): CheckResult {
  const [[what, count] = ['', 0]] = Object.entries(check.counts);
  if (count > 0) return check;
  return { ...check, violations: [...check.violations, `there was nothing to look at: ${count} ${what}`] };
}

/** Whether nothing was violated. */
export function isClean(checks: readonly CheckResult[]): boolean {
  return checks.every(({ violations }) => violations.length === 0);
}

/** A table of what was looked at and how it went, and what is wrong below it. */
export function reportLines(checks: readonly CheckResult[]): string[] {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const rows = checks.map(({ name, counts, violations }) => {
    const verdict = violations.length === 0 ? 'ok    ' : 'FAILED';
    const figures = Object.entries(counts).map(([what, count]) => `${count} ${what}`);
    return `${name.padEnd(width)}  ${verdict}  ${figures.join(', ')}`;
  });
  const wrong = checks
    .filter(({ violations }) => violations.length > 0)
    .flatMap(({ name, violations }) => [
      '',
      `${name}: ${violations.length} found`,
      ...violations.slice(0, SHOWN).map((violation) => `  ${violation}`),
      ...(violations.length > SHOWN ? [`  … and ${violations.length - SHOWN} more`] : []),
    ]);
  return [...rows, ...wrong];
}
