import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { TemplateError } from '../../local/cloud/cloud.ts';
import { cloudOf, temporaryDirectory, writeAssembly, type AssemblyParts } from './hand-written-assembly.ts';

const functionWith = (properties: Record<string, unknown>): AssemblyParts => ({
  resources: {},
  functions: { Work: { code: '', properties } },
});
const variables = (Variables: Record<string, string>) => functionWith({ Environment: { Variables } });
/** Variables of which the JSON object that Lambda keeps has so many bytes. */
const variableBytes = (bytes: number) => variables({ NAME: 'é'.padEnd(bytes - '{"NAME":""}'.length - 1, 'x') });
const queueNamed = (QueueName: string): AssemblyParts => ({
  resources: { Queue: { Type: 'AWS::SQS::Queue', Properties: { QueueName, FifoQueue: QueueName.endsWith('.fifo') } } },
});

test.each<[string, AssemblyParts, AssemblyParts, RegExp]>([
  ['4 KB of environment variables', variableBytes(4096), variableBytes(4097), /Environment\.Variables: .*4096/],
  ['a variable name of two characters', variables({ Ab: '' }), variables({ A: '' }), /Environment\.Variables\.A:/],
  [
    'a variable name with a letter in front',
    variables({ A_1: '' }),
    variables({ _A: '' }),
    /Environment\.Variables\._A/,
  ],
  [
    'a description of 256 characters',
    functionWith({ Description: 'd'.repeat(256) }),
    functionWith({ Description: 'd'.repeat(257) }),
    /property Description: .*256/,
  ],
  [
    'a function name of 64 characters',
    functionWith({ FunctionName: 'f'.repeat(64) }),
    functionWith({ FunctionName: 'f'.repeat(65) }),
    /property FunctionName: .*64/,
  ],
  ['a queue name of 80 characters', queueNamed('q'.repeat(80)), queueNamed('q'.repeat(81)), /property QueueName: .*80/],
  [
    'a FIFO queue name of 80 characters',
    queueNamed(`${'q'.repeat(75)}.fifo`),
    queueNamed(`${'q'.repeat(76)}.fifo`),
    /property QueueName: .*80/,
  ],
])('%s is allowed, and no more', async (_, allowed, refused, message) => {
  await cloudOf(allowed);
  const error: unknown = await cloudOf(refused).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(TemplateError);
  expect((error as Error).message).toMatch(message);
});

test('250 MB of unzipped code are allowed, and no more', async () => {
  const directory = writeAssembly(functionWith({}), temporaryDirectory());
  const file = join(directory, 'asset.hashWork', 'data.bin');
  writeFileSync(file, '');
  const limit = 250 * 1024 * 1024;
  truncateSync(file, limit);
  await cloudOf({ resources: {} }, { assembly: directory });
  truncateSync(file, limit + 1);
  await expect(cloudOf({ resources: {} }, { assembly: directory })).rejects.toThrow(/property Code: .*262144000/);
  rmSync(file);
});
