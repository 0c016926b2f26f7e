/** A row, or the key of one, as DynamoDBDocumentClient takes and gives it. */
export type Row = Readonly<Record<string, unknown>>;

/** What an expression refers to: ExpressionAttributeNames and ExpressionAttributeValues. */
export interface Scope {
  readonly names: Readonly<Record<string, string>>;
  readonly values: Row;
}

/** The engine's ValidationException: the request cannot be carried out as it is worded, or with the row that stands. */
export class InvalidExpression extends Error {}

interface Parsed {
  /** `#names` and `:values` that it refers to. */
  readonly references: ReadonlySet<string>;
}
export interface Condition extends Parsed {
  /** @param row what stands under the key; undefined where nothing does */
  holds(row: Row | undefined, scope: Scope): boolean;
}
export interface Update extends Parsed {
  /** Attributes that it sets or removes. */
  targets(scope: Scope): readonly string[];
  /** @returns the new row. @throws InvalidExpression where an operand is missing or of the wrong type */
  apply(row: Row, scope: Scope): Record<string, unknown>;
}

type Test = (row: Row | undefined, scope: Scope) => boolean;
type Operand = (row: Row | undefined, scope: Scope) => unknown;
type NameOf = (scope: Scope) => string;

/** DynamoDB's data type of a value. */
export function typeOf(value: unknown): 'S' | 'N' | 'BOOL' | 'NULL' | 'L' | 'M' {
  if (typeof value === 'string') return 'S';
  if (typeof value === 'number') return 'N';
  if (typeof value === 'boolean') return 'BOOL';
  if (value === null) return 'NULL';
  return Array.isArray(value) ? 'L' : 'M';
}

// Half of a pair as well: without the flag `u`, by which a pair is one character.
const SURROGATES = /[\ud800-\udfff]/;

/** The order of two values of one type, as DynamoDB keeps it: text by its UTF-8 bytes. */
export function order(one: string | number, other: string | number): number {
  if (one === other) return 0;
  if (typeof one === 'string' && typeof other === 'string' && (SURROGATES.test(one) || SURROGATES.test(other))) {
    return Buffer.compare(Buffer.from(one), Buffer.from(other));
  }
  return one < other ? -1 : 1;
}

function isEqual(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const fields = Object.keys(one);
  return (
    fields.length === Object.keys(other).length &&
    fields.every((field) => field in other && isEqual((one as Row)[field], (other as Row)[field]))
  );
}

/** Whether two values compare as asked. Values of two types, or a missing one, have no order. */
function compares(comparator: string, one: unknown, other: unknown): boolean {
  // Two attributes that are both missing are not equal.
  if (comparator === '=') return one !== undefined && isEqual(one, other);
  if (comparator === '<>') return one === undefined || !isEqual(one, other);
  const ordered =
    (typeof one === 'string' && typeof other === 'string') || (typeof one === 'number' && typeof other === 'number');
  if (!ordered) return false;
  const difference = order(one, other);
  if (comparator === '<') return difference < 0;
  if (comparator === '<=') return difference <= 0;
  return comparator === '>' ? difference > 0 : difference >= 0;
}

const TOKEN = /\s*(?:([#:]?\w+)|(<>|<=|>=|[=<>(),+-]))/uy;
const COMPARATORS = ['=', '<>', '<', '<=', '>', '>='];

/** Reads an expression token by token. What it does not know is an error that says so, never a guess. */
class Reader {
  readonly references = new Set<string>();
  readonly #text: string;
  readonly #tokens: string[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    const end = text.trimEnd().length;
    for (TOKEN.lastIndex = 0; TOKEN.lastIndex < end;) {
      const match = TOKEN.exec(text);
      if (!match) throw this.unknown();
      this.#tokens.push((match[1] ?? match[2])!);
    }
  }

  unknown(): Error {
    return new Error(`the memory database does not know this expression: ${this.#text}`);
  }

  get next(): string | undefined {
    return this.#tokens[this.#at];
  }

  get atEnd(): boolean {
    return this.#at >= this.#tokens.length;
  }

  take(): string {
    const token = this.#tokens[this.#at++];
    if (token === undefined) throw this.unknown();
    return token;
  }

  /** Whether the next token is this word; takes it then. */
  took(word: string): boolean {
    if (this.next?.toUpperCase() !== word) return false;
    this.#at += 1;
    return true;
  }

  expect(word: string): void {
    if (!this.took(word)) throw this.unknown();
  }

  /** An attribute, named outright or by reference. */
  name(): NameOf {
    const token = this.take();
    if (token.startsWith('#')) {
      this.references.add(token);
      return ({ names }) => names[token]!;
    }
    if (!/^[A-Za-z_]/u.test(token)) throw this.unknown();
    return () => token;
  }

  value(): (scope: Scope) => unknown {
    const token = this.take();
    if (!token.startsWith(':')) throw this.unknown();
    this.references.add(token);
    return ({ values }) => values[token];
  }

  /** An attribute of the row, or a value. */
  operand(): Operand {
    if (this.next?.startsWith(':')) {
      const value = this.value();
      return (_row, scope) => value(scope);
    }
    const name = this.name();
    return (row, scope) => row?.[name(scope)];
  }
}

function readOr(reader: Reader): Test {
  const parts = [readAnd(reader)];
  while (reader.took('OR')) parts.push(readAnd(reader));
  return parts.length === 1 ? parts[0]! : (row, scope) => parts.some((part) => part(row, scope));
}

function readAnd(reader: Reader): Test {
  const parts = [readNot(reader)];
  while (reader.took('AND')) parts.push(readNot(reader));
  return parts.length === 1 ? parts[0]! : (row, scope) => parts.every((part) => part(row, scope));
}

function readNot(reader: Reader): Test {
  if (!reader.took('NOT')) return readTest(reader);
  const part = readNot(reader);
  return (row, scope) => !part(row, scope);
}

function readTest(reader: Reader): Test {
  if (reader.took('(')) {
    const inner = readOr(reader);
    reader.expect(')');
    return inner;
  }
  const word = reader.next;
  if (word === 'attribute_exists' || word === 'attribute_not_exists') {
    const wanted = word === 'attribute_exists';
    reader.take();
    reader.expect('(');
    const name = reader.name();
    reader.expect(')');
    return (row, scope) => (row?.[name(scope)] !== undefined) === wanted;
  }
  if (word === 'begins_with') {
    reader.take();
    reader.expect('(');
    const name = reader.name();
    reader.expect(',');
    const prefix = reader.value();
    reader.expect(')');
    return (row, scope) => {
      const [text, start] = [row?.[name(scope)], prefix(scope)];
      if (typeof start !== 'string') throw new InvalidExpression('begins_with takes a text');
      return typeof text === 'string' && text.startsWith(start);
    };
  }
  const left = reader.operand();
  if (reader.took('BETWEEN')) {
    const low = reader.operand();
    reader.expect('AND');
    const high = reader.operand();
    return (row, scope) => {
      const value = left(row, scope);
      return compares('>=', value, low(row, scope)) && compares('<=', value, high(row, scope));
    };
  }
  if (reader.took('IN')) {
    reader.expect('(');
    const choices = [reader.operand()];
    while (reader.took(',')) choices.push(reader.operand());
    reader.expect(')');
    return (row, scope) => {
      const value = left(row, scope);
      return choices.some((choice) => compares('=', value, choice(row, scope)));
    };
  }
  const comparator = reader.take();
  if (!COMPARATORS.includes(comparator)) throw reader.unknown();
  const right = reader.operand();
  return (row, scope) => compares(comparator, left(row, scope), right(row, scope));
}

/** One expression is sent again and again with other values. */
function remembered<Result>(parse: (text: string) => Result): (text: string) => Result {
  const parsed = new Map<string, Result>();
  return (text) => {
    const known = parsed.get(text);
    if (known) return known;
    const result = parse(text);
    parsed.set(text, result);
    return result;
  };
}

/**
 * A ConditionExpression, FilterExpression or KeyConditionExpression over top-level attributes: comparisons, BETWEEN, IN,
 * AND, OR, NOT, parentheses, attribute_exists, attribute_not_exists and begins_with.
 *
 * @throws Error where it holds anything else
 */
export const parseCondition: (text: string) => Condition = remembered((text) => {
  const reader = new Reader(text);
  const holds = readOr(reader);
  if (!reader.atEnd) throw reader.unknown();
  return { references: reader.references, holds };
});

/** A part of an update: what becomes of one attribute; undefined removes it. */
interface Action {
  readonly target: NameOf;
  readonly result: Operand;
}

function readSum(reader: Reader): Operand {
  const left = readTerm(reader);
  const sign = reader.next;
  if (sign !== '+' && sign !== '-') return left;
  reader.take();
  const right = readTerm(reader);
  return (row, scope) => {
    const [one, other] = [left(row, scope), right(row, scope)];
    if (typeof one !== 'number' || typeof other !== 'number') {
      throw new InvalidExpression('An operand in the update expression has an incorrect data type');
    }
    return sign === '+' ? one + other : one - other;
  };
}

function readTerm(reader: Reader): Operand {
  if (reader.next === 'if_not_exists') {
    reader.take();
    reader.expect('(');
    const name = reader.name();
    reader.expect(',');
    const otherwise = readTerm(reader);
    reader.expect(')');
    return (row, scope) => {
      const standing = row?.[name(scope)];
      return standing === undefined ? otherwise(row, scope) : standing;
    };
  }
  const operand = reader.operand();
  return (row, scope) => {
    const value = operand(row, scope);
    if (value === undefined) {
      throw new InvalidExpression('The provided expression refers to an attribute that does not exist in the item');
    }
    return value;
  };
}

function readAction(reader: Reader, section: string): Action {
  const target = reader.name();
  if (section === 'REMOVE') return { target, result: () => undefined };
  if (section === 'SET') {
    reader.expect('=');
    return { target, result: readSum(reader) };
  }
  const added = reader.value();
  return {
    target,
    result: (row, scope) => {
      const { [target(scope)]: old = 0 } = row ?? {};
      const by = added(scope);
      if (typeof old !== 'number' || typeof by !== 'number') {
        throw new InvalidExpression('An operand in the update expression has an incorrect data type');
      }
      return old + by;
    },
  };
}

/**
 * An UpdateExpression over top-level attributes: SET with values, attributes, sums and if_not_exists; REMOVE; ADD of numbers.
 *
 * @throws Error where it holds anything else
 */
export const parseUpdate: (text: string) => Update = remembered((text) => {
  const reader = new Reader(text);
  const actions: Action[] = [];
  while (!reader.atEnd) {
    const section = reader.take().toUpperCase();
    if (!['SET', 'REMOVE', 'ADD'].includes(section)) throw reader.unknown();
    do actions.push(readAction(reader, section));
    while (reader.took(','));
  }
  return {
    references: reader.references,
    targets: (scope) => actions.map(({ target }) => target(scope)),
    apply(row, scope) {
      const updated: Record<string, unknown> = { ...row };
      // All operands are those of the row before the update.
      for (const { target, result } of actions) {
        const value = result(row, scope);
        if (value === undefined) delete updated[target(scope)];
        else updated[target(scope)] = value;
      }
      return updated;
    },
  };
});

/** A ProjectionExpression over top-level attributes. */
export const parseProjection: (text: string) => Parsed & { attributes(scope: Scope): readonly string[] } = remembered(
  (text) => {
    const reader = new Reader(text);
    const names = [reader.name()];
    while (reader.took(',')) names.push(reader.name());
    if (!reader.atEnd) throw reader.unknown();
    return { references: reader.references, attributes: (scope) => names.map((name) => name(scope)) };
  },
);

/**
 * Holds what a call refers to against what it gives, as the engine does: neither too little nor too much.
 *
 * @throws InvalidExpression naming what is missing or unused
 */
export function checkReferences({ names, values }: Scope, expressions: readonly (Parsed | undefined)[]): void {
  for (const given of [names, values]) {
    for (const reference of Object.keys(given)) {
      if (!expressions.some((expression) => expression?.references.has(reference))) {
        throw new InvalidExpression(`unused in expressions: ${reference}`);
      }
    }
  }
  for (const expression of expressions) {
    for (const reference of expression?.references ?? []) {
      if ((reference.startsWith('#') ? names : values)[reference] === undefined) {
        throw new InvalidExpression(`used in an expression and not defined: ${reference}`);
      }
    }
  }
}
