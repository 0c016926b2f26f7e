import * as z from 'zod';
import { Sku, SkuItems } from '../../lambdas/shared/settings-schema.ts';
import type { SkuItem } from '../../lambdas/shared/settings.ts';
import { openCsvFile, type BadLine, type CsvFile, type FieldsLine } from '../bulk/csv-file.ts';
import { InputError } from '../bulk/errors.ts';
import { quote } from '../bulk/quote.ts';

/** In the order in which `list` prints them. */
export const SKU_COLUMNS = ['sku', 'item', 'quantity', 'kind'] as const;

// The schemas are of zod/mini, which has no words of its own for what is wrong.
const { localeError: inEnglish } = z.locales.en();

/** What a file says. */
export interface SkuFile<Content> {
  /** What each SKU holds that has only good lines, in the order of the file. */
  readonly skus: ReadonlyMap<string, Content>;
  /** All lines of the other SKUs, in the order of the file. */
  readonly rejected: readonly BadLine[];
  readonly rejectedSkus: number;
  readonly lines: number;
}

/** @throws InputError when the header lacks one of the required columns, or has one that is unknown */
export async function openSkuFile(
  chunks: AsyncIterable<Uint8Array>,
  required: readonly (typeof SKU_COLUMNS)[number][],
): Promise<CsvFile> {
  const file = await openCsvFile(chunks, { known: SKU_COLUMNS, example: required.join(',') });
  const missing = required.filter((name) => !file.columns.includes(name));
  if (missing.length === 0) return file;
  throw new InputError(`The header ${file.header.join(',')} lacks ${missing.join(' and ')}.`);
}

/**
 * Reads what each SKU holds. A SKU with a wrong line is rejected as a whole: its players would get less than is meant. So
 * is every SKU that is named in a line which cannot be taken apart.
 *
 * @throws InputError when a line is so long that nobody can say whose it is
 */
export function readSkus(file: CsvFile): Promise<SkuFile<readonly SkuItem[]>> {
  return readGroups(file, itemsOf);
}

/** Reads which SKUs a file names, once each. @throws InputError as `readSkus` does */
export function readSkuNames(file: CsvFile): Promise<SkuFile<undefined>> {
  return readGroups(file, () => ({ content: undefined }));
}

/** What the lines of one SKU come to, or what is wrong with each of them, by the number of the line. */
type Judged<Content> = { readonly content: Content } | { readonly problems: ReadonlyMap<number, string> };

async function readGroups<Content>(
  file: CsvFile,
  judge: (lines: readonly FieldsLine[]) => Judged<Content>,
): Promise<SkuFile<Content>> {
  const groups = new Map<string, FieldsLine[]>();
  const broken: BadLine[] = [];
  let lines = 0;
  for await (const line of file.lines) {
    lines += 1;
    if ('reason' in line) {
      if (line.original.length === 0) {
        throw new InputError(`Line ${line.line} ${line.reason}. Nobody can say whose it is, and nothing was written.`);
      }
      broken.push(line);
      continue;
    }
    const sku = line.fields['sku'] ?? '';
    const group = groups.get(sku);
    if (group === undefined) groups.set(sku, [line]);
    else group.push(line);
  }

  const brokenBySku = new Map<string, number>();
  for (const { line, original } of broken) {
    for (const word of original.join(',').split(/[",\s]+/u)) if (groups.has(word)) brokenBySku.set(word, line);
  }
  const skus = new Map<string, Content>();
  const rejected = [...broken];
  let rejectedSkus = 0;
  for (const [sku, group] of groups) {
    const judged = judgeSku(sku, group, brokenBySku.get(sku), judge);
    if ('content' in judged) {
      skus.set(sku, judged.content);
      continue;
    }
    rejectedSkus += 1;
    const [wrong] = judged.problems.keys();
    for (const { line, fields } of group) {
      rejected.push({
        line,
        reason: judged.problems.get(line) ?? `line ${wrong} is wrong, and a SKU is taken as a whole`,
        original: file.columns.map((name) => fields[name] ?? ''),
      });
    }
  }
  return { skus, rejected: rejected.sort((a, b) => a.line - b.line), rejectedSkus, lines };
}

function judgeSku<Content>(
  sku: string,
  group: readonly FieldsLine[],
  brokenLine: number | undefined,
  judge: (lines: readonly FieldsLine[]) => Judged<Content>,
): Judged<Content> {
  const spelling = Sku.safeParse(sku);
  if (!spelling.success) {
    const reason = problemOf('sku', sku, spelling.error.issues[0]!.message);
    return { problems: new Map(group.map(({ line }) => [line, reason])) };
  }
  const judged = judge(group);
  if (brokenLine === undefined || 'problems' in judged) return judged;
  return { problems: new Map([[brokenLine, '']]) };
}

/** The columns by the fields of an item. */
const COLUMN_OF: Readonly<Record<string, string>> = { itemId: 'item', quantity: 'quantity', kind: 'kind' };

/** In the order of their identifiers, so that the same items are the same data in whatever order the lines stand. */
function itemsOf(lines: readonly FieldsLine[]): Judged<readonly SkuItem[]> {
  const problems = new Map<number, string>();
  const items: SkuItem[] = [];
  for (const line of lines) {
    const judged = itemOf(line);
    if ('problems' in judged) problems.set(line.line, judged.problems.join('; '));
    else items.push(judged.item);
  }
  if (problems.size > 0) return { problems };
  const whole = SkuItems.safeParse(items);
  if (whole.success) {
    return { content: whole.data.sort((a, b) => (a.itemId < b.itemId ? -1 : 1)) };
  }
  // Each line that does not go with those before it is told.
  const fitting: SkuItem[] = [];
  for (const [index, item] of items.entries()) {
    const together = SkuItems.safeParse([...fitting, item]);
    if (together.success) fitting.push(item);
    else
      problems.set(
        lines[index]!.line,
        `item is ${quote(item.itemId)}; ${together.error.issues[0]!.message} in one SKU`,
      );
  }
  return { problems };
}

/** The item of one line, as a SKU of its own would have it. */
function itemOf({ fields }: FieldsLine): { readonly item: SkuItem } | { readonly problems: readonly string[] } {
  const { item = '', quantity = '', kind = '' } = fields;
  const isWhole = /^\d{1,15}$/u.test(quantity);
  const parsed = SkuItems.safeParse([{ itemId: item, kind, ...(isWhole && { quantity: Number(quantity) }) }], {
    error: inEnglish,
  });
  const problems = quantity === '' || isWhole ? [] : [problemOf('quantity', quantity, 'expected a whole number')];
  if (parsed.success && problems.length === 0) return { item: parsed.data[0]! };
  for (const { path, message } of parsed.error?.issues ?? []) {
    // What is wrong with the item as a whole is wrong with its quantity.
    const column = COLUMN_OF[String(path[1])] ?? 'quantity';
    problems.push(problemOf(column, fields[column] ?? '', message));
  }
  return { problems };
}

function problemOf(column: string, value: string, message: string): string {
  return `${column} is ${value === '' ? 'empty' : quote(value)}; ${message.replace(/^(?:Invalid|Too) \w+: /u, '')}`;
}
