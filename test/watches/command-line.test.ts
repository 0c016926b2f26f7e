import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLocalStack } from '../pipeline/local-stack.ts';

const PROJECT = resolve(import.meta.dirname, '../..');
const LICENSOR = 'example-studios';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'offer-relay-watches-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}
interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

/** `npm run watches --` without npm, and without the AWS environment of whoever runs the tests. */
function begin(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Running {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('AWS_'));
  const child = spawn(process.execPath, ['local/watches/main.ts', ...args], {
    cwd: PROJECT,
    env: {
      ...Object.fromEntries(inherited),
      HOME: folder,
      AWS_EC2_METADATA_DISABLED: 'true',
      ...environment,
    },
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += String(chunk)));
  child.stderr.on('data', (chunk: Buffer) => (err += String(chunk)));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, out, err }));
  return { child, ended };
}
const watches = (args: readonly string[], environment?: Readonly<Record<string, string>>, input = '') => {
  const { child, ended } = begin(args, environment);
  child.stdin?.end(input);
  return ended;
};

async function fileOf(name: string, lines: readonly string[]): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, `${lines.join('\n')}\n`);
  return file;
}
/** A number of the summary. */
const told = ({ out }: Ended, name: string) => new RegExp(`^  ${name} +([\\d,]+)`, 'm').exec(out)?.[1];
const until = async (what: string, condition: () => boolean | Promise<boolean>): Promise<void> => {
  for (const end = Date.now() + 60_000; !(await condition()); await sleep(100)) {
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
  }
};

describe('the command line', () => {
  it('explains itself and each command', async () => {
    expect(await watches(['--help'])).toMatchObject({ code: 0, out: expect.stringContaining('check-now') });
    for (const command of ['import', 'list', 'remove', 'check-now']) {
      const { code, out } = await watches([command, '--help']);
      expect([code, out]).toEqual([
        0,
        expect.stringMatching(new RegExp(`npm run (--silent )?watches -- ${command}[^]*Exit codes`)),
      ]);
    }
  });

  it.each([
    [[], 'Which command?'],
    [['imprt'], 'Did you mean "import"?'],
    [['import'], 'Which file?'],
    [['import', 'a.csv', 'b.csv'], 'One file at a time'],
    [['import', 'a.csv', '--fast'], '--fast'],
    [['import', 'a.csv', '--from-line', '0'], 'whole number from 1 up'],
    [['list', 'a.csv'], 'list takes no file'],
    [['list', '--region', 'eu-west-1'], 'give --stage as well'],
    [['remove', '--licensor', 'x'], 'needs both --licensor and --alid'],
    [['remove', 'a.csv', '--licensor', 'x', '--alid', 'y'], 'not both'],
    [['remove', '-'], 'add --yes'],
    [['check-now', 'a.csv', '--request-id', 'a b'], '--request-id is "a b"'],
  ])('refuses %j with exit code 2 and says what is allowed', async (args, message) => {
    const { code, err } = await watches(args);
    expect([code, err]).toEqual([2, expect.stringContaining(message)]);
  });

  it('says what to do when no local stack runs, and when one does not answer any more', async () => {
    const file = await fileOf('one.csv', ['licensor,alid', `${LICENSOR},A`]);
    const none = await watches(['import', file, '--data', join(folder, 'none')]);
    expect(none).toMatchObject({ code: 1, err: expect.stringMatching(/No local stack has been started.*npm start/) });
    const stale = join(folder, 'stale');
    await mkdir(stale);
    await writeFile(
      join(stale, 'endpoints.json'),
      JSON.stringify({
        dynamodb: 'http://127.0.0.1:1',
        sqs: 'http://127.0.0.1:1',
        region: 'us-east-1',
        credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
        outputs: { WatchesTableName: 'T', SlicesQueueUrl: 'http://127.0.0.1:1/q' },
      }),
    );
    const gone = await watches(['list', '--data', stale]);
    expect(gone).toMatchObject({ code: 1, err: expect.stringMatching(/does not answer at http:.*npm start/) });
  });

  it('checks a file without any stack, tells the first twenty bad lines, and keeps all of them to be mended', async () => {
    const bad = Array.from({ length: 30 }, (_, index) => `nobody,"B,${index}"`);
    const file = await fileOf('mixed.csv', ['licensor,alid', `${LICENSOR},A`, ...bad, `${LICENSOR},A`]);
    const rejects = join(folder, 'mixed-rejects.csv');
    const checked = await watches(['import', file, '--dry-run', '--rejects', rejects]);
    expect(checked.code).toBe(3);
    expect(['lines read', 'valid', 'duplicates', 'rejected'].map((name) => told(checked, name))).toEqual([
      '32',
      '1',
      '1',
      '30',
    ]);
    expect(checked.err.match(/^line \d+: licensor is "nobody", which no account/gm)).toHaveLength(20);
    expect(checked.err).toContain(`and 10 more lines that were not taken: all are in ${rejects}`);
    expect(checked.err).not.toContain('\u001b');
    const kept = readFileSync(rejects, 'utf8');
    expect(kept.split('\n')[0]).toBe('line,reason,licensor,alid');
    expect(kept.split('\n')).toHaveLength(32);

    // Nobody loses what has been mended.
    expect(await watches(['import', file, '--dry-run', '--rejects', rejects])).toMatchObject({ code: 2 });
    await writeFile(rejects, kept.replaceAll(',nobody,', `,${LICENSOR},`));
    const same = await watches(['import', rejects, '--dry-run', '--rejects', rejects, '--from-line', '2']);
    expect(same).toMatchObject({ code: 2, err: expect.stringContaining('names the file that is read') });
    const mended = await watches(['import', rejects, '--dry-run']);
    expect([mended.code, told(mended, 'valid')]).toEqual([0, '30']);
  });
});

describe('a running local stack', () => {
  let data: string;
  let stack: ChildProcess;
  let endpoints: Record<string, string> & {
    credentials: { accessKeyId: string; secretAccessKey: string };
    outputs: Record<string, string>;
  };
  const on = (...args: string[]) => [...args, '--data', data];
  const listed = async (licensorLines: string) =>
    (await watches(on('list'))).out.split('\n').filter((line) => line.includes(licensorLines)).length;

  beforeAll(async () => {
    data = join(folder, 'data');
    stack = spawn(process.execPath, ['local/start.ts', '--quiet', '--data', data], { cwd: PROJECT, stdio: 'ignore' });
    await until('the local stack', () => existsSync(join(data, 'endpoints.json')));
    endpoints = JSON.parse(readFileSync(join(data, 'endpoints.json'), 'utf8')) as typeof endpoints;
  }, 120_000);
  afterAll(async () => {
    const closed = once(stack, 'close');
    stack.kill('SIGINT');
    await closed;
  });

  it('takes the good lines, refuses the bad ones with exit code 3, and adds nothing the second time', async () => {
    const titles = Array.from({ length: 250 }, (_, index) => `${LICENSOR},"CLI,${index}"`);
    const file = await fileOf('titles.csv', ['licensor,alid', ...titles, 'nobody,X', `${LICENSOR},`]);
    const first = await watches(on('import', file));
    expect(first.code).toBe(3);
    expect([told(first, 'added'), told(first, 'rejected')]).toEqual(['250', '2']);
    expect(first.err).toContain('line 252: licensor is "nobody"');
    expect(first.err).toContain('line 253: alid is empty');
    expect(await listed('"CLI,')).toBe(250);
    const second = await watches(on('import', file));
    expect([second.code, told(second, 'added'), told(second, 'already there')]).toEqual([3, '0', '250']);

    const removed = await watches(on('remove', file, '--yes'));
    // The bad licensor may well be on the list, from former settings: it is looked for.
    expect([removed.code, told(removed, 'removed'), told(removed, 'not on the list')]).toEqual([3, '250', '1']);
    expect(await listed('"CLI,')).toBe(0);
    const back = await watches(on('import', file));
    expect([told(back, 'added'), told(back, 'returned')]).toEqual(['0', '250']);
  }, 60_000);

  it('stops on Ctrl-C with what it has read done, and goes on where it says', async () => {
    const titles = Array.from({ length: 800 }, (_, index) => `${LICENSOR},STOP-${index}`);
    const file = await fileOf('stopped.csv', ['licensor,alid', ...titles]);
    const { child, ended } = begin(on('import', '-', '--quiet'));
    child.stdin?.write(`licensor,alid\n${titles.slice(0, 500).join('\n')}\n`);
    await until('500 titles on the list', async () => (await listed('STOP-')) === 500);
    child.kill('SIGINT');
    const stopped = await ended;
    expect(stopped.code).toBe(1);
    expect(stopped.err).toContain('Everything before line 502 is done');
    expect(stopped.err).toContain(`npm run watches -- import - --quiet --data ${data} --from-line 502`);
    const resumed = await watches(on('import', file, '--from-line', '502'));
    expect([resumed.code, told(resumed, 'lines read'), told(resumed, 'added')]).toEqual([0, '300', '300']);
    expect(await listed('STOP-')).toBe(800);
  }, 120_000);

  it('prints the list into a pipe that is closed early, and ends well', async () => {
    const { child, ended } = begin(on('list', '--details'));
    child.stdout?.once('data', () => child.stdout?.destroy());
    expect(await ended).toMatchObject({ code: 0, err: '' });
  });

  it('does not remove a file of titles without being told to', async () => {
    const file = await fileOf('keep.csv', ['licensor,alid', `${LICENSOR},STOP-1`]);
    expect(await watches(on('remove', file))).toMatchObject({ code: 2, err: expect.stringContaining('add --yes') });
    expect(await listed('STOP-1')).toBeGreaterThan(0);
  });

  describe('as if it were on AWS', () => {
    let cloudFormation: Server;
    let answer: { status: number; body: string };
    const asked: URLSearchParams[] = [];
    const stacks = (outputs: Record<string, string>) => {
      const members = Object.entries(outputs)
        .map(([key, value]) => `<member><OutputKey>${key}</OutputKey><OutputValue>${value}</OutputValue></member>`)
        .join('');
      const body =
        '<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult>' +
        '<Stacks><member><StackName>OfferRelay-prod</StackName><CreationTime>2026-01-01T00:00:00Z</CreationTime>' +
        `<StackStatus>UPDATE_COMPLETE</StackStatus><Outputs>${members}</Outputs></member></Stacks>` +
        '</DescribeStacksResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></DescribeStacksResponse>';
      return { status: 200, body };
    };
    const refusal = (status: number, code: string, message: string) => ({
      status,
      body: `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>r</RequestId></ErrorResponse>`,
    });
    const environment = (more: Readonly<Record<string, string>> = {}) => ({
      AWS_ENDPOINT_URL_CLOUDFORMATION: `http://127.0.0.1:${(cloudFormation.address() as AddressInfo).port}`,
      AWS_ENDPOINT_URL_DYNAMODB: endpoints['dynamodb'] ?? '',
      AWS_ENDPOINT_URL_SQS: endpoints['sqs'] ?? '',
      AWS_REGION: endpoints['region'] ?? '',
      AWS_ACCESS_KEY_ID: endpoints.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: endpoints.credentials.secretAccessKey,
      ...more,
    });

    let config: string;
    beforeAll(async () => {
      cloudFormation = createServer((request, response) => {
        let body = '';
        request.on('data', (chunk: Buffer) => (body += String(chunk)));
        request.on('end', () => {
          asked.push(new URLSearchParams(body));
          response.writeHead(answer.status, { 'content-type': 'text/xml' }).end(answer.body);
        });
      });
      cloudFormation.listen(0, '127.0.0.1');
      await once(cloudFormation, 'listening');
      config = join(folder, 'config');
      await mkdir(config);
      await writeFile(
        join(config, 'prod.json'),
        JSON.stringify({ offerStatus: { accounts: { example: { licensors: [LICENSOR] } } } }),
      );
    });
    afterAll(() => void cloudFormation.close());
    const deployed = (...args: string[]) => [...args, '--stage', 'prod', '--config', config];

    it('finds the stack by its outputs, imports, lists, checks and removes', async () => {
      answer = stacks(endpoints.outputs);
      const input = `licensor,alid\n${LICENSOR},AWS-1\n`;
      const imported = await watches(deployed('import', '-'), environment(), input);
      expect(imported).toMatchObject({
        code: 0,
        out: expect.stringContaining('Imported into OfferRelay-prod in us-east-1'),
      });
      expect(told(imported, 'added')).toBe('1');
      expect(asked.at(-1)?.get('Action')).toBe('DescribeStacks');
      expect(asked.at(-1)?.get('StackName')).toBe('OfferRelay-prod');
      expect(await listed('AWS-1')).toBe(1);
      expect(await watches(deployed('check-now', '-'), environment(), input)).toMatchObject({ code: 0 });
      const removed = await watches(deployed('remove', '-', '--yes'), environment(), input);
      expect([removed.code, told(removed, 'removed')]).toEqual([0, '1']);
    }, 60_000);

    it.each([
      ['no region', { AWS_REGION: '' }, () => stacks({}), 'Set AWS_REGION, or add --region'],
      ['a wrong region', { AWS_REGION: 'no/region' }, () => stacks({}), 'Set AWS_REGION, or add --region'],
      [
        'no credentials',
        { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' },
        () => stacks({}),
        'No AWS credentials were found',
      ],
      [
        'no such stack',
        {},
        () => refusal(400, 'ValidationError', 'Stack with id OfferRelay-prod does not exist'),
        'There is no stack OfferRelay-prod in us-east-1',
      ],
      [
        'a missing permission',
        {},
        () =>
          refusal(
            403,
            'AccessDenied',
            'User: arn:aws:iam::1:user/x is not authorized to perform: cloudformation:DescribeStacks on resource: arn:aws:cloudformation:y because no identity-based policy allows it',
          ),
        'The permission cloudformation:DescribeStacks on arn:aws:cloudformation:y is missing',
      ],
      ['expired credentials', {}, () => refusal(403, 'ExpiredToken', 'expired'), 'have expired'],
      ['an old deployment', {}, () => stacks({ BusName: 'b' }), 'has no output WatchesTableName: deploy it with'],
    ])('says what to do about %s', async (_, more, given, message) => {
      answer = given();
      const { code, err } = await watches(deployed('list'), environment(more));
      expect([code, err]).toEqual([1, expect.stringContaining(message)]);
    });

    it('names the permission on the table that is missing, and where to go on', async () => {
      answer = stacks(endpoints.outputs);
      const denial = createServer((request, response) => {
        request.resume();
        response.writeHead(400, { 'content-type': 'application/x-amz-json-1.0' }).end(
          JSON.stringify({
            __type: 'com.amazon.coral.service#AccessDeniedException',
            message: 'User: u is not authorized to perform: dynamodb:BatchGetItem on resource: arn:aws:dynamodb:t',
          }),
        );
      });
      denial.listen(0, '127.0.0.1');
      await once(denial, 'listening');
      const url = `http://127.0.0.1:${(denial.address() as AddressInfo).port}`;
      const file = await fileOf('denied.csv', ['licensor,alid', `${LICENSOR},A`]);
      const { code, err } = await watches(deployed('import', file), environment({ AWS_ENDPOINT_URL_DYNAMODB: url }));
      denial.close();
      expect([code, err]).toEqual([
        1,
        expect.stringContaining('The permission dynamodb:BatchGetItem on arn:aws:dynamodb:t is missing'),
      ]);
      expect(err).toContain(`--config ${config} --from-line 2`);
    });
  });
});

describe('checking now', () => {
  it('has a title asked for that nobody has planned, once however often the request is repeated', async () => {
    // Planned once at the start, when the list is empty: every request is that of a check.
    const stack = await startLocalStack({ titles: [] });
    try {
      const { endpoints, region, credentials, outputs } = stack.cloud;
      const data = join(folder, 'check-now');
      await mkdir(data);
      await writeFile(join(data, 'endpoints.json'), JSON.stringify({ ...endpoints, region, credentials, outputs }));
      const accounts = { main: { licensors: [LICENSOR] } };
      await writeFile(join(data, 'local.json'), JSON.stringify({ offerStatus: { accounts } }));
      const on = (...args: string[]) => [...args, '--data', data, '--config', data];
      const request = (id: string) =>
        watches(on('check-now', '--licensor', LICENSOR, '--alid', 'NOW-1', '--request-id', id));
      const requests = () => stack.simulator.requests().arrivals.filter(({ alid }) => alid === 'NOW-1').length;

      expect(await request('early')).toMatchObject({
        code: 1,
        err: expect.stringContaining('is not on the watch list'),
      });
      await watches(on('import', '-'), {}, `licensor,alid\n${LICENSOR},NOW-1\n`);
      expect(await request('first')).toMatchObject({
        code: 0,
        err: expect.stringContaining('Request first: 1 check in 1 slice'),
      });
      await request('first');
      await until('the first request to be served', () => requests() === 1);
      await request('first');
      await request('last');
      // The queue is in order: a repeat of the first one would be served before the last one.
      await until(
        'the last request to be served',
        () => requests() === 2 && stack.logs.join().includes('check-now#last#1'),
      );
      expect(requests()).toBe(2);
    } finally {
      await stack.stop();
    }
  }, 180_000);
});
