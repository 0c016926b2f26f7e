import { createRandom } from '../seeded-random.ts';
import type { AmazonAccountOptions } from './entitlement-options.ts';

/** An Amazon account, with what Login with Amazon tells of it. */
export type AmazonAccount = Readonly<Required<AmazonAccountOptions>>;

/** The accounts of players, each of which has a `user_id` of its own. */
export class AmazonAccounts {
  readonly #seed: number;
  readonly #accounts = new Map<string, AmazonAccount>();
  readonly #owners = new Map<string, string>();
  /** Counts the changes. */
  #revision = 0;

  constructor(seed: number) {
    this.#seed = seed;
  }

  get revision(): number {
    return this.#revision;
  }

  /**
   * Adds an account, or gives it other properties; those that are left out are made up, the same ones for the same seed.
   *
   * @throws Error where another account has this `user_id`
   */
  set({ account, ...given }: AmazonAccountOptions): AmazonAccount {
    const made = { ...madeUp(this.#seed, account), ...given };
    const owner = this.#owners.get(made.userId);
    if (owner !== undefined && owner !== account) {
      throw new Error(`The accounts "${owner}" and "${account}" cannot have one user_id.`);
    }
    const before = this.#accounts.get(account);
    if (before) this.#owners.delete(before.userId);
    this.#owners.set(made.userId, account);
    this.#accounts.set(account, made);
    this.#revision += 1;
    return made;
  }

  find(account: string): AmazonAccount | undefined {
    return this.#accounts.get(account);
  }

  /** An account of this name, made where there is none. */
  require(account: string): AmazonAccount {
    return this.#accounts.get(account) ?? this.set({ account });
  }

  all(): AmazonAccount[] {
    return [...this.#accounts.values()];
  }
}

const LETTERS = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567');
const NAMES = ['Alex', 'Billie', 'Charlie', 'Dana', 'Emery', 'Frankie', 'Jamie', 'Morgan', 'Robin', 'Sascha'];
const SURNAMES = ['Atwater', 'Brookfield', 'Castellan', 'Dunmore', 'Ellsworth', 'Fairbanks', 'Holloway', 'Kingsley'];

function madeUp(seed: number, account: string): AmazonAccount {
  const random = createRandom(seed, 'amazon-account', account);
  const id = Array.from({ length: 26 }, () => random.pick(LETTERS)).join('');
  const [name, surname] = [random.pick(NAMES), random.pick(SURNAMES)];
  return {
    account,
    userId: `amzn1.account.AE${id}`,
    name: `${name} ${surname}`,
    email: `${name}.${surname}.${random.integer(1000, 9999)}@example.com`.toLowerCase(),
    postalCode: String(random.integer(10_000, 99_999)),
  };
}
