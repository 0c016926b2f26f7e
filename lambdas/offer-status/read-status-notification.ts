import type { ReadNotification } from '../shared/notifications/take-notifications.ts';
import { titleWatchId } from '../shared/watches.ts';
import { MARKETPLACES } from './marketplaces.ts';

/** Names of fields that hold a title's identifier, in lower case and without separators. */
const TITLE_FIELDS = new Set(['alid', 'alids', 'titlealid', 'sku']);
/** Identifiers of this form are titles wherever they stand (MovieLabs, "Asset Logical Identifier"). */
const ALID = /^md:alid:/i;
/** Names of fields that identify a notification, the ones to be trusted most first. */
const ID_FIELDS = ['notificationid', 'eventid', 'messageid', 'id'];
/** What one notification may be about; one about more is nothing that is known of. */
const MOST_TITLES = 100;

interface Field {
  /** In lower case and without separators; that of the list where the value is in a list. */
  readonly name: string;
  readonly value: unknown;
  readonly depth: number;
}

/**
 * Reads notifications of the kind `OfferStatus`. What they look like is not public, and nothing but the title is wanted:
 * so titles and licensors are looked for in every field, also in JSON within a text, as SNS and EventBridge wrap it.
 *
 * @param licensors those of the settings; all of them are meant where the body names none of them
 */
export function statusNotificationReader(licensors: readonly string[]): ReadNotification {
  const known = new Set(licensors);
  return (body) => {
    const json = parsedJson(body);
    if (json === undefined) return refused('UnreadableMessage', 'the body is no JSON object or list');

    const titles = new Set<string>();
    const named = new Set<string>();
    const ids: { readonly rank: number; readonly depth: number; readonly value: string }[] = [];
    for (const { name, value, depth } of fieldsOf(json)) {
      if (typeof value !== 'string' || value === '') continue;
      if (TITLE_FIELDS.has(name) || ALID.test(value)) titles.add(value);
      if (known.has(value)) named.add(value);
      const rank = ID_FIELDS.indexOf(name);
      // What is called no more than `id` may be anything, but for that of the envelope.
      if (rank === 0 || (rank > 0 && depth === 0)) ids.push({ rank, depth, value });
    }
    if (titles.size === 0) return refused('UnknownNotification', 'no field of the body holds an ALID');
    if (titles.size > MOST_TITLES) return refused('UnknownNotification', `the body names ${titles.size} titles`);

    const [id] = ids.sort((one, other) => one.rank - other.rank || one.depth - other.depth);
    const watchIds = [...titles].flatMap((alid) =>
      [...(named.size > 0 ? named : known)].flatMap((licensor) =>
        MARKETPLACES.map((marketplace) => titleWatchId({ licensor, marketplace, alid })),
      ),
    );
    return { notification: { id: id?.value, watchIds } };
  };
}

/** Every field of a body, however deep; not by recursion, since nobody says how deep that may be. */
function* fieldsOf(json: unknown): Generator<Field> {
  const open: Field[] = [{ name: '', value: json, depth: -1 }];
  for (let field = open.pop(); field !== undefined; field = open.pop()) {
    const { name, depth } = field;
    const value = typeof field.value === 'string' ? (parsedJson(field.value) ?? field.value) : field.value;
    if (typeof value !== 'object' || value === null) {
      yield { name, value, depth };
    } else if (Array.isArray(value)) {
      for (const inner of value) open.push({ name, value: inner as unknown, depth });
    } else {
      for (const [own, inner] of Object.entries(value)) open.push({ name: plain(own), value: inner, depth: depth + 1 });
    }
  }
}

const plain = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');

/** The object or list that a text holds, or undefined. */
function parsedJson(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refused(code: string, message: string): ReturnType<ReadNotification> {
  return { refused: { code, message } };
}
