const LONGEST = 80;

/** A value of somebody's file as a message may show it: short, in quotes, and without what a terminal would obey. */
export function quote(value: string): string {
  const clipped = value.length > LONGEST ? `${value.slice(0, LONGEST)}…` : value;
  return JSON.stringify(clipped).replaceAll(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16) ?? ''}}`,
  );
}

/** A command line of npm that can be typed into a shell. */
export function npmCommand(script: string, argv: readonly string[]): string {
  return [`npm run ${script} --`, ...argv.map(shellWord)].join(' ');
}

function shellWord(argument: string): string {
  return /^[\w@%+=:,./-]+$/u.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}
