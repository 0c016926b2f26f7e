import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export const PROJECT = resolve(import.meta.dirname, '../..');

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

/** A script of the project without npm, and without the AWS environment of whoever runs the tests. */
export function beginProgram(
  script: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Running {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('AWS_'));
  const child = spawn(process.execPath, [script, ...args], {
    cwd: PROJECT,
    env: { ...Object.fromEntries(inherited), AWS_EC2_METADATA_DISABLED: 'true', ...environment },
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += String(chunk)));
  child.stderr.on('data', (chunk: Buffer) => (err += String(chunk)));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, out, err }));
  return { child, ended };
}

/** The same to its end, with this as its input. */
export function runProgram(
  script: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  input = '',
): Promise<Ended> {
  const { child, ended } = beginProgram(script, args, environment);
  child.stdin?.end(input);
  return ended;
}

/** A number of the summary. */
export const told = ({ out }: Ended, name: string) => new RegExp(`^  ${name} +([\\d,]+)`, 'm').exec(out)?.[1];

/** Waits for a condition, for a minute. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 60_000; !(await condition()); await sleep(100)) {
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
  }
}

export async function serverOf(
  answer: Parameters<typeof createServer>[1],
): Promise<{ url: string; close: () => void }> {
  const server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => void server.close() };
}

/** What CloudFormation says of the stack OfferRelay-prod with these outputs. */
export function stackAnswer(outputs: Readonly<Record<string, string>>): string {
  const members = Object.entries(outputs)
    .map(([key, value]) => `<member><OutputKey>${key}</OutputKey><OutputValue>${value}</OutputValue></member>`)
    .join('');
  return (
    '<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult>' +
    '<Stacks><member><StackName>OfferRelay-prod</StackName><CreationTime>2026-01-01T00:00:00Z</CreationTime>' +
    `<StackStatus>UPDATE_COMPLETE</StackStatus><Outputs>${members}</Outputs></member></Stacks>` +
    '</DescribeStacksResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></DescribeStacksResponse>'
  );
}
