import { randomInt } from 'node:crypto';

/** What a password is made of, as Secrets Manager's GetRandomPassword takes it. */
export interface PasswordRule {
  /** @default 32 */
  readonly PasswordLength?: number;
  readonly ExcludeCharacters?: string;
  readonly ExcludeLowercase?: boolean;
  readonly ExcludeUppercase?: boolean;
  readonly ExcludeNumbers?: boolean;
  readonly ExcludePunctuation?: boolean;
  readonly IncludeSpace?: boolean;
  /** Whether each kind of character that may be there has to be. @default true */
  readonly RequireEachIncludedType?: boolean;
}

const LOWERCASE = 'abcdefghijklmnopqrstuvwxyz';

/**
 * A random password.
 *
 * https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetRandomPassword.html
 *
 * @throws Error where no password can be like that
 */
export function generatePassword(rule: PasswordRule): string {
  const { PasswordLength: length = 32, ExcludeCharacters: excluded = '' } = rule;
  const kinds = [
    rule.ExcludeLowercase ? '' : LOWERCASE,
    rule.ExcludeUppercase ? '' : LOWERCASE.toUpperCase(),
    rule.ExcludeNumbers ? '' : '0123456789',
    rule.ExcludePunctuation ? '' : '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~',
    rule.IncludeSpace ? ' ' : '',
  ]
    .map((characters) => Array.from(characters).filter((character) => !excluded.includes(character)))
    .filter((characters) => characters.length > 0);
  if (kinds.length === 0) throw new Error('no character is left for the password');
  const required = rule.RequireEachIncludedType === false ? [] : kinds;
  if (length < required.length) {
    throw new Error(`${length} characters are too few for one of each of ${required.length} kinds`);
  }
  const all = kinds.flat();
  const pick = (from: readonly string[]): string => from[randomInt(from.length)]!;
  const password = [...required.map(pick), ...Array.from({ length: length - required.length }, () => pick(all))];
  for (let last = password.length - 1; last > 0; last -= 1) {
    const other = randomInt(last + 1);
    [password[last], password[other]] = [password[other]!, password[last]!];
  }
  return password.join('');
}
