import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, existsSync, openSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { beginProgram, PROJECT, runProgram, serverOf, stackAnswer, told, until } from '../bulk/running-program.ts';
import { startLocalStack } from '../pipeline/local-stack.ts';

const LICENSOR = 'example-studios';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'offer-relay-watches-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** `npm run watches --` without npm. */
const begin = (args: readonly string[], environment?: Readonly<Record<string, string>>) =>
  beginProgram('local/watches/main.ts', args, { HOME: folder, ...environment });
const watches = (args: readonly string[], environment?: Readonly<Record<string, string>>, input?: string) =>
  runProgram('local/watches/main.ts', args, { HOME: folder, ...environment }, input);

async function fileOf(name: string, lines: readonly string[]): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, `${lines.join('\n')}\n`);
  return file;
}
/** A named pipe that a process has begun to read, as the file descriptor to write to. */
async function readerOf(pipe: string): Promise<number> {
  let descriptor: number | undefined;
  await until('a reader of the pipe', () => {
    try {
      descriptor = openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error;
    }
    return descriptor !== undefined;
  });
  return descriptor!;
}
describe('the command line', () => {
  it('explains itself and each command', async () => {
    expect(await watches(['--help'])).toMatchObject({ code: 0, out: expect.stringContaining('check-now') });
    for (const command of ['import', 'list', 'remove', 'check-now']) {
      const { code, out } = await watches([command, command === 'list' ? '-h' : '--help']);
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
    [['remove', '--licensor', 'x'], 'One title needs --licensor and --alid'],
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

describe('a file that is only checked', () => {
  const header = 'licensor,alid';

  it('is checked to its end, with the right exit code, when whoever reads the output has gone', async () => {
    const file = await fileOf('gone.csv', [header, `${LICENSOR},A`, ...Array.from({ length: 300 }, () => 'nobody,B')]);
    const rejects = join(folder, 'gone-rejects.csv');
    const { child, ended } = begin(['import', file, '--dry-run', '--rejects', rejects]);
    child.stdout?.destroy();
    child.stderr?.destroy();
    expect((await ended).code).toBe(3);
    expect(readFileSync(rejects, 'utf8').split('\n')).toHaveLength(302);
    const help = begin(['--help']);
    help.child.stdout?.destroy();
    expect(await help.ended).toMatchObject({ code: 0, err: '' });
  });

  it('is not begun when its rejects cannot be written, and says so in one line', async () => {
    const file = await fileOf('unwritable.csv', [header, 'nobody,A']);
    const rejects = join(folder, 'no-such-folder', 'rejects.csv');
    const { code, out, err } = await watches(['import', file, '--dry-run', '--rejects', rejects]);
    expect([code, out]).toEqual([1, '']);
    expect(err).toBe(`The rejects file ${rejects} cannot be written: there is no such file or folder.\n`);
  });

  it.skipIf(!existsSync('/dev/full'))('goes on at the line whose rejection found the disk full', async () => {
    const file = await fileOf('full.csv', [header, `${LICENSOR},A`, `${LICENSOR},B`, 'nobody,C', `${LICENSOR},D`]);
    const { code, err } = await watches(['import', file, '--dry-run', '--rejects', '/dev/full']);
    expect(code).toBe(1);
    expect(err).toContain('The rejects file /dev/full cannot be written: the disk is full.\n');
    expect(err).toContain('Everything before line 4 is done');
    expect(err).toContain('with another --rejects file or after deleting this one');
    expect(err).not.toContain('    at ');
  });

  it('leaves no rejects file where nothing was rejected, and names its own command in the advice', async () => {
    const good = await fileOf('good.csv', [header, `${LICENSOR},A`]);
    const bad = await fileOf('bad.csv', [header, ',A']);
    const rejects = join(folder, 'advice-rejects.csv');
    expect((await watches(['remove', good, '--dry-run', '--rejects', rejects])).code).toBe(0);
    expect(existsSync(rejects)).toBe(false);
    const { err } = await watches(['remove', bad, '--dry-run', '--rejects', rejects]);
    expect(err).toContain(`are in ${rejects}: mend them there and give that file to remove.`);
  });

  it('keeps each rejected line once over a stop and a resume, and adds to nothing but its own rejects', async () => {
    const lines = [header, ...Array.from({ length: 30 }, (_, n) => `${n % 3 === 0 ? 'nobody' : LICENSOR},T-${n}`)];
    const file = await fileOf('resumed.csv', lines);
    const rejects = join(folder, 'resumed-rejects.csv');
    const pipe = join(folder, 'resumed.pipe');
    execFileSync('mkfifo', [pipe]);
    const { child, ended } = begin(['import', pipe, '--dry-run', '--rejects', rejects]);
    const descriptor = await readerOf(pipe);
    await writeFile(`/proc/self/fd/${descriptor}`, `${lines.slice(0, 14).join('\n')}\n`);
    await until('the begin of the work', () => existsSync(rejects));
    child.kill('SIGTERM');
    const stopped = await ended;
    closeSync(descriptor);
    expect([stopped.code, stopped.err]).toEqual([1, expect.stringContaining('Everything before line 15 is done')]);
    const resume = ['import', file, '--dry-run', '--rejects', rejects, '--from-line', '15'];
    expect((await watches(resume)).code).toBe(3);
    const kept = readFileSync(rejects, 'utf8').trimEnd().split('\n');
    expect(kept[0]).toBe('line,reason,licensor,alid');
    expect(kept.slice(1).map((line) => Number(line.split(',')[0]))).toEqual([2, 5, 8, 11, 14, 17, 20, 23, 26, 29]);

    const other = await fileOf('other.csv', ['mine,and,precious']);
    const refused = await watches(['import', file, '--dry-run', '--rejects', other, '--from-line', '15']);
    expect(refused).toMatchObject({ code: 2, err: expect.stringContaining('is no rejects file of this file') });
    expect(readFileSync(other, 'utf8')).toBe('mine,and,precious\n');
  }, 60_000);

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'ends at once on %s while its header is waited for',
    async (signal) => {
      const pipe = join(folder, `silent-${signal}.pipe`);
      execFileSync('mkfifo', [pipe]);
      const { child, ended } = begin(['import', pipe, '--dry-run']);
      const descriptor = await readerOf(pipe);
      child.kill(signal);
      expect(await ended).toMatchObject({ code: 1, out: '', err: expect.stringContaining('Nothing was done.') });
      closeSync(descriptor);
    },
  );

  it('has to reach the line that it is to go on from', async () => {
    const file = await fileOf('short.csv', [header, `${LICENSOR},A`]);
    const { code, err } = await watches(['import', file, '--dry-run', '--from-line', '9']);
    expect([code, err]).toEqual([1, 'The file ends with line 2, and --from-line is 9: nothing was done.\n']);
  });

  it('is looked for where npm was called', async () => {
    await fileOf('relative.csv', [header, 'nobody,A']);
    const args = ['import', 'relative.csv', '--dry-run', '--rejects', 'relative-rejects.csv'];
    expect((await watches(args, { INIT_CWD: folder })).code).toBe(3);
    expect(existsSync(join(folder, 'relative-rejects.csv'))).toBe(true);
  });

  it('is checked by the settings of a stage that there is', async () => {
    const { code, err } = await watches(['import', 'a.csv', '--dry-run', '--stage', 'nowhere']);
    expect([code, err]).toEqual([2, expect.stringContaining('nowhere')]);
  });
});

it('says that the local stack is gone when it dies under a command', async () => {
  let asked = 0;
  const dying = await serverOf((request, response) => {
    request.resume();
    if ((asked += 1) > 1) return void request.socket.destroy();
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' }).end('{"Table":{}}');
  });
  const data = join(folder, 'dying');
  await mkdir(data);
  const outputs = { WatchesTableName: 'T', SlicesQueueUrl: 'http://127.0.0.1:1/q' };
  const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
  const endpoints = { dynamodb: dying.url, sqs: dying.url, region: 'us-east-1', credentials, outputs };
  await writeFile(join(data, 'endpoints.json'), JSON.stringify(endpoints));
  const { code, err } = await watches(['list', '--data', data]);
  dying.close();
  expect([code, err]).toEqual([1, expect.stringMatching(/^The local stack does not answer .*npm start`\.\n$/)]);
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

  it('lists prices so that they are imported as they are, tunes them, and marks those that Amazon refuses', async () => {
    const list = async (...args: string[]) => (await watches(on('list', '--kind', 'price', ...args))).out;
    const all = await fileOf('prices.csv', (await list()).trimEnd().split('\n'));
    const again = await watches(on('import', all));
    expect([again.code, told(again, 'added'), told(again, 'rejected')]).toEqual([0, '0', '0']);
    expect(Number(told(again, 'already there'))).toBeGreaterThan(100);

    // No item of the simulated market.
    const header = 'account,marketplace,asin,threshold';
    const unknown = (threshold: string) =>
      watches(on('import', '-'), {}, `${header}\nexample,US,B000NOWHER,${threshold}\n`);
    expect(told(await unknown('0.50 2%'), 'added')).toBe('1');
    const one = ['--account', 'example', '--marketplace', 'US', '--asin', 'B000NOWHER'];
    const checked = await watches(on('check-now', ...one));
    expect(checked).toMatchObject({ code: 0, err: expect.stringContaining('1 check in 1 slice') });
    await until('the refusal', async () => (await list('--problems')).includes('B000NOWHER'));
    expect(await list('--problems', '--details')).toMatch(
      /^example,offers,US,B000NOWHER,,New,Consumer,0\.50 2%,,,invalid,.*InvalidInput/mu,
    );
    const tuned = await unknown('1');
    expect([told(tuned, 'tuned'), told(tuned, 'added')]).toEqual(['1', '0']);
    expect(await list('--problems', '--details')).toMatch(/,B000NOWHER,,New,Consumer,1,,,invalid,/u);
    expect((await watches(on('check-now', ...one))).code).toBe(0);
    expect(told(await watches(on('remove', ...one)), 'removed')).toBe('1');
    expect(await list('--problems')).not.toContain('B000NOWHER');
  }, 120_000);

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
    // Where the whole list was taken before the end, it is counted.
    expect(await ended).toMatchObject({ code: 0, err: expect.stringMatching(/^(\d+ titles listed\.\n)?$/) });
  });

  it('does not remove a file of titles without being told to', async () => {
    const file = await fileOf('keep.csv', ['licensor,alid', `${LICENSOR},STOP-1`]);
    expect(await watches(on('remove', file))).toMatchObject({ code: 2, err: expect.stringContaining('add --yes') });
    expect(await listed('STOP-1')).toBeGreaterThan(0);
    const pipe = join(folder, 'remove.pipe');
    execFileSync('mkfifo', [pipe]);
    const twice = await watches(on('remove', pipe));
    expect(twice).toMatchObject({ code: 2, err: expect.stringContaining('cannot be read twice') });
  });

  it.skipIf(!existsSync('/usr/bin/script')).each([
    ['no', 'n\n'],
    ['Ctrl-C', '\u0003'],
    ['Ctrl-D', '\u0004'],
  ])('asks on a terminal, with the distinct titles and the bad lines, and takes %s for a no', async (_, key) => {
    const file = await fileOf('asked.csv', ['licensor,alid', `${LICENSOR},STOP-1`, `${LICENSOR},STOP-1`, ',']);
    const command = [process.execPath, 'local/watches/main.ts', ...on('remove', file)].join(' ');
    const child = spawn('/usr/bin/script', ['-qec', command, '/dev/null'], { cwd: PROJECT });
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => (out += String(chunk)));
    await until('the question', () => out.includes('[y/N]'));
    child.stdin.write(key);
    const [code] = (await once(child, 'close')) as [number];
    expect(out).toContain('Take 1 title (1 bad line will be left out) off the list of the local stack');
    expect(out).toContain('Nothing was removed.');
    expect(out).not.toContain('    at ');
    expect(code).toBe(1);
  });

  it('tells how many were listed, and that a licensor is of no account', async () => {
    const some = await watches(on('list', '--licensor', LICENSOR));
    expect([some.code, some.err]).toEqual([0, expect.stringMatching(/^[\d,]+ titles listed\.\n$/)]);
    const none = await watches(on('list', '--licensor', 'exmaple'));
    expect(none.err).toMatch(/licensor is "exmaple", which no account of the settings names.*\n0 titles listed\.\n$/);
    expect((await watches(on('list', '--licensor', LICENSOR, '--quiet'))).err).toBe('');
  });

  describe('as if it were on AWS', () => {
    let cloudFormation: Server;
    let answer: { status: number; body: string };
    const asked: URLSearchParams[] = [];
    const stacks = (outputs: Record<string, string>) => ({ status: 200, body: stackAnswer(outputs) });
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

    it('tells how to repeat a request that could not be sent, without checking twice', async () => {
      const denial = await serverOf((request, response) => {
        request.resume();
        response
          .writeHead(403, { 'content-type': 'application/x-amz-json-1.0' })
          .end(JSON.stringify({ __type: 'AccessDeniedException', message: 'is not authorized to perform: sqs:SendMessage' })); // prettier-ignore
      });
      answer = stacks({ ...endpoints.outputs, SlicesQueueUrl: `${denial.url}/queue` });
      const file = await fileOf('unsent.csv', ['licensor,alid', `${LICENSOR},UNSENT`]);
      await watches(on('import', file));
      const { code, err } = await watches(
        deployed('check-now', file, '--rejects', join(folder, 'unsent-rejects.csv')),
        environment({ AWS_ENDPOINT_URL_SQS: denial.url }),
      );
      denial.close();
      expect(code).toBe(1);
      const [first = '', second, third, command] = err.split('\n');
      const [, id = ''] = /^Request (\S+): 1 check in 1 slice for OfferRelay-prod/.exec(first) ?? [];
      expect(second).toBe('The permission sqs:SendMessage is missing. docs/watch-list.md lists all.');
      expect(third).toBe('Of 1 slice at least 0 were sent. Within 5 minutes, repeat with');
      expect(command?.trim()).toBe(`npm run watches -- ${deployed('check-now', file).join(' ')} --request-id ${id}`);
      expect(id).toMatch(/^[0-9a-f-]{36}$/);
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
