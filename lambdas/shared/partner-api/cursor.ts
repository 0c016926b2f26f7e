import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { ApiError } from './api-error.ts';

const Cursor = z.strictObject({ q: z.string(), at: z.unknown() });

/**
 * Makes and reads the cursors of one query's pages. A cursor knows which query it belongs to; it holds no more than a
 * position, so whoever changes one only reads from elsewhere.
 *
 * @param query everything that makes the query what it is, but for the size of a page
 * @param position shape of a position
 */
export function cursorsOf<Position>(query: readonly (string | undefined)[], position: z.core.$ZodType<Position>) {
  const q = createHash('sha256')
    .update(JSON.stringify(query.map((part) => part ?? null)))
    .digest('base64url')
    .slice(0, 12);
  return {
    encode: (at: Position): string => Buffer.from(JSON.stringify({ q, at })).toString('base64url'),
    /** @throws ApiError INVALID_CURSOR for what is no cursor of this query */
    decode(text: string): Position {
      let json: unknown;
      try {
        json = JSON.parse(Buffer.from(text, 'base64url').toString());
      } catch {
        throw new ApiError('INVALID_CURSOR');
      }
      const cursor = z.safeParse(Cursor, json);
      if (!cursor.success || cursor.data.q !== q) throw new ApiError('INVALID_CURSOR');
      const at = z.safeParse(position, cursor.data.at);
      if (!at.success) throw new ApiError('INVALID_CURSOR');
      return at.data;
    },
  };
}
