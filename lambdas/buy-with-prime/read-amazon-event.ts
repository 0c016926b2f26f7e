import * as z from 'zod/mini';
import { parseJson } from '../shared/answer-text.ts';
import type { DeadLetterReason } from '../shared/dead-letters.ts';
import type { BuyWithPrimeEventReceived } from './order-event-schemas.ts';

/** An event of Buy with Prime's own, as far as it is told on. */
export interface AmazonEvent {
  /** Equal whenever Amazon tells the same: its idempotencyKey, or EventBridge's identifier of an event without one. */
  readonly key: string;
  /** ISO instant in UTC; undefined where Amazon gives none that can be read. */
  readonly occurredAt: string | undefined;
  readonly data: BuyWithPrimeEventReceived;
}

/** Many times what the fields below have in Amazon's samples, and little enough for a row and for an event of ours. */
const LARGEST_BODY_BYTES = 100_000;

const anything = z.optional(z.unknown());
/** A field that the event does not have is an empty text here: an input transformer writes it so. */
const optionalText = z.pipe(
  anything,
  z.transform((value) => (isFilled(value) ? value : undefined)),
);
/** Resources that are no texts are left out, and so is a list that is none. */
const resources = z.pipe(
  anything,
  z.transform((value) => (Array.isArray(value) ? value.filter(isFilled) : [])),
);

/** EventBridge's envelope with Amazon's event in its `detail`, which older events leave empty. */
const Envelope = z.object({
  id: optionalText,
  time: optionalText,
  'detail-type': optionalText,
  resources,
  detail: z.prefault(
    z.object({
      idempotencyKey: optionalText,
      eventDescriptor: optionalText,
      resources,
      eventId: optionalText,
      apiVersion: optionalText,
      subscriptionId: optionalText,
      eventTime: optionalText,
    }),
    {},
  ),
});

const Instant = z.iso.datetime({ offset: true });

/**
 * Reads an event of Buy with Prime's ("Subscribe to Events"), as it is or as the stack's rule passes it on. Nothing but the
 * fields of the answer is looked at: `data`, which may hold a shopper's name and e-mail address, is dropped unread.
 *
 * @returns the event, or the reason why the body is none
 */
export function readAmazonEvent(
  body: string,
): { readonly event: AmazonEvent } | { readonly refused: DeadLetterReason } {
  if (Buffer.byteLength(body) > LARGEST_BODY_BYTES)
    return refused(`the body has more than ${LARGEST_BODY_BYTES} bytes`);
  const envelope = Envelope.safeParse(parseJson(body));
  if (!envelope.success) return refused('the body is no event of EventBridge');
  const { id, time, 'detail-type': detailType, resources: about, detail } = envelope.data;

  const key = detail.idempotencyKey ?? id;
  if (key === undefined) return refused('neither detail.idempotencyKey nor id is there');
  const eventDescriptor = detail.eventDescriptor ?? detailType;
  if (eventDescriptor === undefined) return refused('neither detail.eventDescriptor nor detail-type is there');

  const all = [...new Set([...about, ...detail.resources])];
  return {
    event: {
      key,
      occurredAt: instant(detail.eventTime) ?? instant(time),
      data: {
        eventDescriptor,
        eventId: detail.eventId ?? null,
        apiVersion: detail.apiVersion ?? null,
        subscriptionId: detail.subscriptionId ?? null,
        businessProductId: idsOf('businessProduct', all)[0] ?? null,
        resources: all,
        amazonOrderIds: idsOf('order', all),
      },
    },
  };
}

/** The identifiers that resources such as `businessProduct/<id>/order/<id>` have for a kind of thing, each once. */
function idsOf(kind: string, all: readonly string[]): string[] {
  const ids = all.flatMap((resource) => {
    const parts = resource.split('/');
    return parts.filter((part, index) => index % 2 === 1 && part !== '' && parts[index - 1] === kind);
  });
  return [...new Set(ids)];
}

function instant(text: string | undefined): string | undefined {
  const read = Instant.safeParse(text);
  return read.success ? new Date(read.data).toISOString() : undefined;
}

function isFilled(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== '';
}

function refused(message: string): { readonly refused: DeadLetterReason } {
  return { refused: { code: 'UnreadableMessage', message } };
}
