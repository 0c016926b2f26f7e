import type { Writable } from 'node:stream';
import { SkuItems } from '../../lambdas/shared/settings-schema.ts';
import type { SkuItem } from '../../lambdas/shared/settings.ts';
import { csvLine } from '../bulk/csv.ts';
import { lineWriter } from '../bulk/line-writer.ts';
import { quote } from '../bulk/quote.ts';
import type { CatalogueRows } from './catalogue-rows.ts';
import { SKU_COLUMNS } from './sku-file.ts';

export const FORMATS = ['csv', 'json'] as const;
export type Format = (typeof FORMATS)[number];

export interface ListParts {
  readonly rows: Pick<CatalogueRows, 'listed'>;
  readonly format: Format;
  readonly out: Writable;
  readonly warn: (message: string) => void;
}

/**
 * Prints a catalogue in the order of its SKUs, no faster than it is taken: as CSV, as `import` reads it, or as a JSON
 * object like `skus` of the settings. Ends when whoever reads it has gone.
 *
 * @returns the SKUs that were printed; undefined when the reader has gone before the end
 */
export async function listSkus({ rows, format, out, warn }: ListParts): Promise<readonly string[] | undefined> {
  const print = lineWriter(out);
  const printed: string[] = [];
  const { begin, end, linesOf } = PRINTERS[format];
  if (!(await print(begin))) return undefined;
  for await (const page of rows.listed()) {
    const lines: string[] = [];
    for (const { sku, items } of page) {
      const parsed = SkuItems.safeParse(items);
      if (parsed.success) {
        lines.push(linesOf(sku, parsed.data, printed.length === 0));
        printed.push(sku);
      } else warn(`A row is left out: ${quote(sku)} does not hold items.`);
    }
    if (lines.length > 0 && !(await print(lines.join('\n')))) return undefined;
  }
  if (end !== undefined && !(await print(end))) return undefined;
  return printed;
}

interface Printer {
  readonly begin: string;
  /** @default nothing */
  readonly end?: string;
  readonly linesOf: (sku: string, items: readonly SkuItem[], isFirst: boolean) => string;
}

const PRINTERS: Readonly<Record<Format, Printer>> = {
  csv: {
    begin: csvLine(SKU_COLUMNS),
    linesOf: (sku, items) =>
      items.map(({ itemId, quantity, kind }) => csvLine([sku, itemId, String(quantity), kind])).join('\n'),
  },
  json: {
    begin: '{',
    end: '}',
    linesOf: (sku, items, isFirst) => `${isFirst ? ' ' : ','}${JSON.stringify(sku)}: ${JSON.stringify(items)}`,
  },
};
