/** The inside of one Lambda execution environment: loads the function's module once and runs one invocation at a time. */
import { existsSync, readFileSync } from 'node:fs';
import { Module } from 'node:module';
import { dirname, join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { format } from 'node:util';
import { getHeapStatistics } from 'node:v8';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { EnvironmentData, EnvironmentMessage, InvocationError, InvocationMessage } from './invocation.ts';

type Handler = (event: unknown, context: unknown) => unknown;

const data = workerData as EnvironmentData;
const gate = new Int32Array(data.gate);
let currentRequestId: string | undefined;

const post = (message: EnvironmentMessage) => parentPort!.postMessage(message);

function describe(reason: unknown, errorType?: string): InvocationError {
  if (!(reason instanceof Error))
    return { errorType: errorType ?? typeof reason, errorMessage: String(reason), trace: [] };
  return { errorType: errorType ?? reason.name, errorMessage: reason.message, trace: (reason.stack ?? '').split('\n') };
}

function memoryUsedMb(): number {
  const { used_heap_size, external_memory } = getHeapStatistics();
  return Math.ceil((used_heap_size + external_memory) / 1024 / 1024);
}

/** Output goes the same way as results do: through the port, so that it never comes after the result it precedes. */
function captureOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.write = (chunk: string | Uint8Array, ...rest: unknown[]) => {
      post({ kind: 'log', text: typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8') });
      const done = rest.at(-1);
      if (typeof done === 'function') (done as () => void)();
      return true;
    };
  }
  const levels = { log: 'INFO', info: 'INFO', debug: 'DEBUG', trace: 'TRACE', warn: 'WARN', error: 'ERROR' } as const;
  for (const [method, level] of Object.entries(levels)) {
    console[method as keyof typeof levels] = (...parameters: unknown[]) => {
      const timestamp = new Date().toISOString();
      const text =
        data.logFormat === 'JSON'
          ? jsonLine({ timestamp, level, requestId: currentRequestId }, parameters)
          : `${timestamp}\t${currentRequestId ?? 'undefined'}\t${level}\t${format(...parameters)}`;
      post({ kind: 'log', text: `${text}\n` });
    };
  }
}

/** What is logged alone stands in the line as it is; anything else, and what is no JSON, as text. */
function jsonLine(head: object, parameters: unknown[]): string {
  const [alone] = parameters;
  if (parameters.length === 1 && !(alone instanceof Error)) {
    try {
      return JSON.stringify({ ...head, message: alone });
    } catch {
      // It refers to itself, or holds a BigInt.
    }
  }
  return JSON.stringify({ ...head, message: format(...parameters) });
}

/** Node reads this variable when a process starts; a thread of a running process must do it itself. */
async function trustExtraCertificates(): Promise<void> {
  const file = process.env['NODE_EXTRA_CA_CERTS'];
  if (!file) return;
  const tls = await import('node:tls');
  tls.setDefaultCACertificates([...tls.getCACertificates('default'), readFileSync(file, 'utf8')]);
}

async function loadHandler(): Promise<Handler> {
  const match = /^(.*)\.([^./]+)$/.exec(data.handler);
  if (!match) throw named('Runtime.MalformedHandlerName', `Bad handler ${data.handler}`);
  const [, moduleName, exportName] = match as unknown as [string, string, string];
  const file = ['.mjs', '.js', '.cjs']
    .map((end) => join(data.codeDirectory, moduleName + end))
    .find((path) => existsSync(path));
  if (!file) throw named('Runtime.ImportModuleError', `Error: Cannot find module '${moduleName}'`);
  const module = (isCommonJs(file) ? loadCommonJs(file) : await import(pathToFileURL(file).href)) as Record<
    string,
    unknown
  >;
  const handler = module[exportName] ?? (module['default'] as Record<string, unknown> | undefined)?.[exportName];
  if (typeof handler !== 'function')
    throw named('Runtime.HandlerNotFound', `${data.handler} is undefined or not exported`);
  if (handler.length > 2) {
    throw named(
      'Runtime.CallbackHandlerDeprecated',
      'Callback handlers are not supported by this runtime; use an async handler',
    );
  }
  return handler as Handler;
}

/** Lambda sees no package.json but the asset's own; a parent directory here may say "type": "module" about itself. */
function isCommonJs(file: string): boolean {
  if (!file.endsWith('.js')) return false;
  for (let directory = dirname(file); directory.startsWith(data.codeDirectory); directory = dirname(directory)) {
    const packageJson = join(directory, 'package.json');
    if (existsSync(packageJson))
      return (JSON.parse(readFileSync(packageJson, 'utf8')) as { type?: string }).type !== 'module';
  }
  return true;
}

interface CompilableModule {
  filename: string;
  paths: string[];
  exports: unknown;
  _compile(source: string, filename: string, format: 'commonjs'): void;
}

function loadCommonJs(file: string): unknown {
  const internals = Module as unknown as {
    new (id: string): CompilableModule;
    _nodeModulePaths(from: string): string[];
  };
  const module = new internals(file);
  module.filename = file;
  module.paths = internals._nodeModulePaths(dirname(file));
  module._compile(readFileSync(file, 'utf8'), file, 'commonjs');
  return module.exports;
}

function named(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}

function contextOf({ requestId, deadlineMs, traceId }: InvocationMessage) {
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionVersion: '$LATEST',
    functionName: data.functionName,
    memoryLimitInMB: String(data.memoryMb),
    logGroupName: data.logGroup,
    logStreamName: data.logStream,
    clientContext: undefined,
    identity: undefined,
    invokedFunctionArn: data.functionArn,
    awsRequestId: requestId,
    xRayTraceId: traceId,
    getRemainingTimeInMillis: () => Math.max(0, deadlineMs - Date.now()),
  };
}

async function main(): Promise<void> {
  captureOutput();
  const crash = (error: InvocationError, code: number) => {
    post({ kind: 'crash', error });
    process.exit(code);
  };
  process.on('uncaughtException', (error) => crash(describe(error), 129));
  process.on('unhandledRejection', (reason) => crash(describe(reason, 'Runtime.UnhandledPromiseRejection'), 128));

  let handler: Handler;
  try {
    await trustExtraCertificates();
    handler = await loadHandler();
  } catch (error) {
    return crash(describe(error), 1);
  }
  post({ kind: 'ready' });

  for (;;) {
    // Between invocations nothing runs in a Lambda environment: no timer fires and no socket is read.
    Atomics.wait(gate, 0, 0);
    Atomics.store(gate, 0, 0);
    // What happened to sockets while frozen is noticed before the handler can use one that was closed.
    await turn();
    const invocation = receiveMessageOnPort(parentPort!)?.message as InvocationMessage | undefined;
    if (!invocation) continue;
    currentRequestId = invocation.requestId;
    process.env['_X_AMZN_TRACE_ID'] = invocation.traceId;
    try {
      const result = await handler(JSON.parse(invocation.eventJson), contextOf(invocation));
      post({ kind: 'result', json: JSON.stringify(result), memoryUsedMb: memoryUsedMb() });
    } catch (error) {
      const described = describe(error);
      console.error('Invoke Error', JSON.stringify({ ...described, stack: described.trace, trace: undefined }));
      post({ kind: 'error', error: described, memoryUsedMb: memoryUsedMb() });
    }
    currentRequestId = undefined;
  }
}

// Not awaited: a handler that can never settle must end the thread without a warning on the terminal.
void main();
