import {
  ChangeMessageVisibilityCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { DeadLetterQueue } from '../../lambdas/shared/dead-letters.ts';
import { Slice } from '../../lambdas/shared/laps/slice.ts';
import { SlicesQueue } from '../../lambdas/shared/slices-queue.ts';

const sqs = mockClient(SQSClient);
beforeEach(() => sqs.reset());

const queue = () => new SlicesQueue(new SQSClient({ region: 'us-east-1' }), 'https://queue');
const sliceOf = (endsAt: number, watches: string[] = ['w1', 'w2']): Slice => ({
  id: `b#steady#${endsAt}`,
  bucket: 'b',
  class: 'steady',
  endsAt,
  watches,
});
const batches = () => sqs.commandCalls(SendMessageBatchCommand).map((call) => call.args[0].input.Entries ?? []);

describe('the slices queue', () => {
  it('sends slices in order, ten at a time and within the size of a call, each in its bucket’s group', async () => {
    sqs.on(SendMessageBatchCommand).resolves({});
    const long = Array.from({ length: 600 }, (_, index) => `${'x'.repeat(90)}${index}`);
    await queue().send([
      ...Array.from({ length: 12 }, (_, index) => sliceOf(index + 1)),
      ...[90, 91, 92, 93, 94].map((n) => sliceOf(n, long)),
    ]);
    const ids = batches().map((batch) => batch.map((entry) => Slice.parse(JSON.parse(entry.MessageBody ?? '')).endsAt));
    expect(ids.flat()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 90, 91, 92, 93, 94]);
    for (const batch of batches()) {
      expect(batch.length).toBeLessThanOrEqual(10);
      expect(batch.reduce((sum, entry) => sum + (entry.MessageBody?.length ?? 0), 0)).toBeLessThan(256_000);
      expect(batch.every((entry) => entry.MessageGroupId === 'b')).toBe(true);
    }
  });

  it('gives the same slice the same deduplication id, and another list another one', async () => {
    sqs.on(SendMessageBatchCommand).resolves({});
    await queue().send([sliceOf(1), sliceOf(1), sliceOf(1, ['w1'])]);
    const [first, again, other] = batches()[0]?.map((entry) => entry.MessageDeduplicationId) ?? [];
    expect(again).toBe(first);
    expect(other).not.toBe(first);
  });

  it('fails when SQS did not take all slices, so that the planner does not count them as planned', async () => {
    sqs.on(SendMessageBatchCommand).resolves({
      Failed: [{ Id: '1', SenderFault: false, Code: 'InternalError', Message: 'try again' }],
    });
    await expect(queue().send([sliceOf(1), sliceOf(2)])).rejects.toThrow(/refused 1 slices: InternalError try again/);
  });

  it('sends again what a slice could not serve, however often, and keeps the planner’s count', async () => {
    sqs.on(SendMessageCommand).resolves({});
    await queue().sendAgain(sliceOf(7), ['w2'], 'm1');
    const [first] = sqs.commandCalls(SendMessageCommand);
    const again = Slice.parse(JSON.parse(first?.args[0].input.MessageBody ?? ''));
    expect(again).toEqual({ id: 'b#steady#7~m1', bucket: 'b', class: 'steady', endsAt: 7, watches: ['w2'] });
    await queue().sendAgain(again, ['w2'], 'm2');
    const body = sqs.commandCalls(SendMessageCommand)[1]?.args[0].input.MessageBody ?? '';
    expect(Slice.parse(JSON.parse(body)).id).toBe('b#steady#7~m2');
  });

  it('hides a message in whole seconds, from one up', async () => {
    sqs.on(ChangeMessageVisibilityCommand).resolves({});
    await queue().hide('r', 8.9);
    await queue().hide('r', 0.2);
    const hidden = sqs.commandCalls(ChangeMessageVisibilityCommand).map((call) => call.args[0].input.VisibilityTimeout);
    expect(hidden).toEqual([8, 1]);
  });
});

describe('the dead-letter queue', () => {
  it('keeps a given-up slice so that it can be redriven, with the reason beside it', async () => {
    sqs.on(SendMessageCommand).resolves({});
    const letters = new DeadLetterQueue(new SQSClient({ region: 'us-east-1' }), 'https://dead');
    const { endsAt: _, ...slice } = sliceOf(1, ['w1']);
    await letters.giveUp({ ...slice, reason: { code: 'ServerError', message: 'the upstream answered 503' } });
    const {
      MessageBody = '',
      MessageGroupId,
      MessageAttributes,
    } = sqs.commandCalls(SendMessageCommand)[0]?.args[0].input ?? {};
    expect(Slice.parse(JSON.parse(MessageBody))).toEqual(slice);
    expect(MessageGroupId).toBe('b');
    expect(MessageAttributes?.['reason']?.StringValue).toBe('ServerError: the upstream answered 503');
  });

  it('shortens what the upstream sent until the letter fits, and never cuts the letter', async () => {
    sqs.on(SendMessageCommand).resolves({});
    const letters = new DeadLetterQueue(new SQSClient({ region: 'us-east-1' }), 'https://dead');
    const raw = '"<html>"\n'.repeat(25_000);
    await letters.giveUp({ ...sliceOf(1, ['w1']), reason: { code: 'UnreadableAnswer', message: 'not JSON', raw } });
    const body = sqs.commandCalls(SendMessageCommand)[0]?.args[0].input.MessageBody ?? '';
    expect(Buffer.byteLength(body)).toBeLessThan(200_001);
    expect(Slice.parse(JSON.parse(body)).watches).toEqual(['w1']);
    expect(body).toContain('<html>');
  });

  it('keeps a message that nobody can read as it came', async () => {
    sqs.on(SendMessageCommand).resolves({});
    const letters = new DeadLetterQueue(new SQSClient({ region: 'us-east-1' }), 'https://dead');
    await letters.refuse('b', 'poison', { code: 'UnreadableMessage', message: 'the body is not JSON' });
    expect(sqs.commandCalls(SendMessageCommand)[0]?.args[0].input.MessageBody).toBe('poison');
  });
});
