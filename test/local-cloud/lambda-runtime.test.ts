import { readFileSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { expect, onTestFinished, test } from 'vitest';
import type { CloudOptions, InvocationInfo } from '../../local/cloud/cloud.ts';
import { cloudOf, collector, temporaryDirectory } from './hand-written-assembly.ts';

async function functionOf(
  code: string,
  properties: Record<string, unknown> = {},
  options: Partial<CloudOptions> = {},
  file?: string,
) {
  const cloud = await cloudOf({ resources: {}, functions: { Work: { code, properties, file } } }, options);
  return (payload: unknown = {}) => cloud.invoke('Work', payload);
}

test('a function sees the variables of its template and of Lambda, and no others', async () => {
  process.env['SECRET_OF_THE_MACHINE'] = 'x';
  const invoke = await functionOf('export const handler = async () => process.env;', {
    Environment: { Variables: { TABLE: 'watches' } },
    MemorySize: 256,
  });
  const result = await invoke();
  delete process.env['SECRET_OF_THE_MACHINE'];
  expect(result).toEqual({
    outcome: 'success',
    payload: {
      TABLE: 'watches',
      AWS_REGION: 'us-east-1',
      AWS_DEFAULT_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: expect.stringMatching(/^ASIA/),
      AWS_SECRET_ACCESS_KEY: expect.any(String),
      AWS_SESSION_TOKEN: expect.any(String),
      AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
      AWS_LAMBDA_FUNCTION_NAME: expect.stringMatching(/^Stack-Work-/),
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256',
      AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
      AWS_LAMBDA_LOG_FORMAT: 'Text',
      AWS_LAMBDA_LOG_GROUP_NAME: expect.stringMatching(/^\/aws\/lambda\/Stack-Work-/),
      AWS_LAMBDA_LOG_STREAM_NAME: expect.stringContaining('[$LATEST]'),
      LAMBDA_TASK_ROOT: expect.any(String),
      LANG: 'en_US.UTF-8',
      TZ: ':UTC',
      _HANDLER: 'index.handler',
      _X_AMZN_TRACE_ID: expect.stringMatching(/^Root=1-/),
      AWS_ENDPOINT_URL: expect.any(String),
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    },
  });
});

test('the context tells the time that is left', async () => {
  const invoke = await functionOf(
    'export const handler = async (event, context) => ({ ...context, left: context.getRemainingTimeInMillis() });',
    { Timeout: 7 },
  );
  const result = await invoke();
  expect(result).toMatchObject({
    payload: {
      functionVersion: '$LATEST',
      memoryLimitInMB: '128',
      awsRequestId: expect.any(String),
      invokedFunctionArn: expect.stringContaining(':function:Stack-Work-'),
    },
  });
  const { left } = (result as { payload: { left: number } }).payload;
  expect(left).toBeGreaterThan(5000);
  expect(left).toBeLessThanOrEqual(7000);
});

test('a warm environment keeps its module state, and side by side there are two', async () => {
  const invocations = collector<InvocationInfo>();
  const invoke = await functionOf(
    'let count = 0; export const handler = async ({ wait = 0 }) => { await new Promise((resolve) => setTimeout(resolve, wait)); return ++count; };',
    {},
    { onInvocation: (info) => invocations.add(info) },
  );
  expect(await invoke()).toEqual({ outcome: 'success', payload: 1 });
  expect(await invoke()).toEqual({ outcome: 'success', payload: 2 });
  const both = await Promise.all([invoke({ wait: 300 }), invoke()]);
  expect(both.map((result) => result.outcome === 'success' && result.payload)).toEqual([3, 1]);
  expect(invocations.items.map((info) => info.coldStart)).toEqual([true, false, true, false]);
});

test('nothing runs in an environment between invocations', async () => {
  const invoke = await functionOf(
    'let ticks = 0; let timer; export const handler = async () => { timer ??= setInterval(() => ticks++, 5); const seen = ticks; return seen; };',
  );
  await invoke();
  await new Promise((resolve) => setTimeout(resolve, 200));
  const result = await invoke();
  // The one timer that came due while frozen may fire as the environment thaws.
  expect((result as { payload: number }).payload).toBeLessThanOrEqual(1);
});

test('a function that takes too long is stopped and reported as Lambda does, and the next one starts afresh', async () => {
  const dataDir = temporaryDirectory();
  const invoke = await functionOf(
    'let count = 0; export const handler = async ({ hang }) => { count++; if (hang) for (;;); return count; };',
    { Timeout: 1 },
    { dataDir },
  );
  expect(await invoke()).toEqual({ outcome: 'success', payload: 1 });
  expect(await invoke({ hang: true })).toEqual({
    outcome: 'timeout',
    error: {
      errorType: 'Sandbox.Timedout',
      errorMessage: expect.stringMatching(/^RequestId: \S+ Error: Task timed out after 1\.00 seconds$/),
    },
  });
  expect(await invoke()).toEqual({ outcome: 'success', payload: 1 });
  await expect
    .poll(() => readFileSync(join(dataDir, 'logs/Work.log'), 'utf8'))
    .toContain('Task timed out after 1.00 seconds');
});

test('an error is reported with its type, message and trace', async () => {
  const invoke = await functionOf(
    'class Throttled extends Error { name = "Throttled" } export const handler = async () => { throw new Throttled("slow down"); };',
  );
  const result = await invoke();
  expect(result).toMatchObject({ outcome: 'error', error: { errorType: 'Throttled', errorMessage: 'slow down' } });
  expect((result as { error: { trace: string[] } }).error.trace[0]).toBe('Throttled: slow down');
});

test.each([
  [
    'process.exit',
    'process.exit(3);',
    {
      errorType: 'Runtime.ExitError',
      errorMessage: expect.stringMatching(/Runtime exited with error: exit status 3$/),
    },
  ],
  [
    'an uncaught exception',
    'setTimeout(() => { throw new TypeError("late"); }); await new Promise(() => {});',
    { errorType: 'TypeError', errorMessage: 'late' },
  ],
  [
    'an unhandled rejection',
    'void Promise.reject(new Error("lost")); await new Promise((resolve) => setTimeout(resolve, 1000));',
    { errorType: 'Runtime.UnhandledPromiseRejection', errorMessage: 'lost' },
  ],
  [
    'a promise that nothing can settle',
    'await new Promise(() => {});',
    { errorType: 'Runtime.ExitError', errorMessage: expect.any(String) },
  ],
])('%s ends the environment, not the cloud', async (_, statement, error) => {
  const invoke = await functionOf(
    `let count = 0; export const handler = async ({ crash }) => { count++; if (crash) { ${statement} } return count; };`,
  );
  await invoke();
  expect(await invoke({ crash: true })).toMatchObject({ outcome: 'error', error });
  expect(await invoke()).toEqual({ outcome: 'success', payload: 1 });
});

test('a module that cannot be loaded is an error of the invocation', async () => {
  const invoke = await functionOf('throw new RangeError("at load"); export const handler = () => {};');
  expect(await invoke()).toMatchObject({
    outcome: 'error',
    error: { errorType: 'RangeError', errorMessage: 'at load' },
  });
});

test('a CommonJS bundle runs, whatever a package.json above it says', async () => {
  const invoke = await functionOf(
    'const { join } = require("node:path"); exports.handler = async () => join("a", "b");',
    {},
    {},
    'index.js',
  );
  expect(await invoke()).toEqual({ outcome: 'success', payload: 'a/b' });
});

test('what a function prints comes between its START and END lines, with its request id', async () => {
  const lines: string[] = [];
  const invoke = await functionOf(
    'export const handler = async () => { console.log("hello %s", "you"); process.stdout.write("raw\\n"); };',
    {},
    { onLog: ({ text }) => lines.push(text) },
  );
  await invoke();
  expect(lines).toEqual([
    expect.stringMatching(/^START RequestId: \S+ Version: \$LATEST$/),
    expect.stringMatching(/^\S+Z\t\S{36}\tINFO\thello you$/),
    'raw',
    expect.stringMatching(/^END RequestId: /),
    expect.stringMatching(
      /^REPORT RequestId: \S+\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\tMax Memory Used: \d+ MB\tInit Duration: [\d.]+ ms$/,
    ),
  ]);
});

test('a certificate that the operator trusts is trusted inside functions', async () => {
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], {
    extensions: [
      { name: 'basicConstraints', cA: true },
      { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] },
    ],
  });
  const server = createServer({ cert, key }, (_, response) => response.end('hello')).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const file = join(temporaryDirectory(), 'ca.pem');
  writeFileSync(file, cert);
  const code = `
    import { get } from 'node:https';
    export const handler = ({ port }) => new Promise((resolve, reject) => {
      get({ port, host: '127.0.0.1', agent: false }, (response) => response.on('data', (chunk) => resolve(String(chunk)))).on('error', reject);
    });`;
  const { port } = server.address() as AddressInfo;
  const untrusting = await functionOf(code);
  expect(await untrusting({ port })).toMatchObject({ outcome: 'error' });
  const trusting = await functionOf(code, {}, { functionEnvironment: { NODE_EXTRA_CA_CERTS: file } });
  expect(await trusting({ port })).toEqual({ outcome: 'success', payload: 'hello' });
});

test('source maps can be switched on; options that are not for threads are an error of the invocation', async () => {
  const code = 'export const handler = async () => process.sourceMapsEnabled;';
  const mapped = await functionOf(code, { Environment: { Variables: { NODE_OPTIONS: '--enable-source-maps' } } });
  expect(await mapped()).toEqual({ outcome: 'success', payload: true });
  const refused = await functionOf(code, { Environment: { Variables: { NODE_OPTIONS: '--no-such-option' } } });
  expect(await refused()).toMatchObject({ outcome: 'error', error: { errorType: 'Runtime.InitError' } });
});

test('a function that needs more memory than it has is killed, and the cloud lives on', async () => {
  const invoke = await functionOf(
    'export const handler = async ({ hungry }) => { const eaten = []; while (hungry) eaten.push(new Array(1e5).fill(Math.random())); return 1; };',
  );
  expect(await invoke({ hungry: true })).toMatchObject({
    outcome: 'error',
    error: { errorType: 'Runtime.OutOfMemory', errorMessage: expect.stringContaining('signal: killed') },
  });
  expect(await invoke()).toEqual({ outcome: 'success', payload: 1 });
});

test("an SDK client reaches the cloud's services through the variables alone, also after a freeze", async () => {
  const require = `import { createRequire } from 'node:module'; const require = createRequire(${JSON.stringify(import.meta.url)});`;
  const invoke = await functionOf(
    `${require}
    const { SecretsManagerClient, GetSecretValueCommand } = require('@aws-sdk/client-secrets-manager');
    const { DynamoDBClient, GetItemCommand } = require('@aws-sdk/client-dynamodb');
    const secrets = new SecretsManagerClient(), tables = new DynamoDBClient();
    export const handler = async () => [
      (await secrets.send(new GetSecretValueCommand({ SecretId: 'a' }))).SecretString,
      await tables.send(new GetItemCommand({ TableName: 'none', Key: {} })).catch((error) => error.name),
    ];`,
    { MemorySize: 512 },
    { secrets: { a: 'b' } },
  );
  for (let time = 0; time < 3; time++)
    expect(await invoke()).toEqual({ outcome: 'success', payload: ['b', 'ResourceNotFoundException'] });
});

test('in the JSON log format an object that is logged alone stays an object, and everything else is text', async () => {
  const lines: string[] = [];
  const invoke = await functionOf(
    `export const handler = async () => {
      console.info({ message: 'slice', visits: { unchanged: 20 } });
      console.warn('two of', { a: 1 });
      console.error({ big: 1n });
    };`,
    { LoggingConfig: { LogFormat: 'JSON' } },
    { onLog: ({ text }) => lines.push(text) },
  );
  expect(await invoke()).toMatchObject({ outcome: 'success' });
  const logged = lines.flatMap((text) => (text.includes('"level"') ? [JSON.parse(text) as object] : []));
  expect(logged).toMatchObject([
    { level: 'INFO', message: { message: 'slice', visits: { unchanged: 20 } } },
    { level: 'WARN', message: 'two of { a: 1 }' },
    { level: 'ERROR', message: '{ big: 1n }' },
  ]);
});
