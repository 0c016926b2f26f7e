import { createServer, type IncomingMessage, type Server } from 'node:http';
import * as z from 'zod';

export interface ControlRequest {
  /** Path parameters, percent-decoded once. */
  params: Record<string, string>;
  query: URLSearchParams;
  /** The parsed JSON body; undefined when there is none. */
  body: unknown;
}

export interface ControlAnswer {
  status?: number;
  body?: unknown;
}

/** One operation of the control endpoint. `:name` segments of the path are parameters. */
export interface ControlRoute {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  path: string;
  handle(request: ControlRequest): ControlAnswer;
}

/** A refusal that the caller of the control endpoint should read. */
export class ControlError extends Error {
  override readonly name = 'ControlError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const MAX_BODY_BYTES = 64 * 1024 * 1024;

/** The plain-HTTP endpoint through which tests and people steer the simulator. Answers JSON. */
export function createControlServer(routes: readonly ControlRoute[]): Server {
  return createServer((message, response) => {
    void answer(message, routes).then(({ status = 200, body }) => {
      const text = body === undefined ? '' : JSON.stringify(body);
      response.writeHead(body === undefined && status === 200 ? 204 : status, { 'content-type': 'application/json' });
      response.end(text);
    });
  });
}

async function answer(message: IncomingMessage, routes: readonly ControlRoute[]): Promise<ControlAnswer> {
  try {
    const [path = '', query = ''] = (message.url ?? '').split(/\?(.*)/s, 2);
    const matches = routes.flatMap((route) => {
      const params = matchPath(route.path, path);
      return params ? [{ route, params }] : [];
    });
    if (matches.length === 0) throw new ControlError(404, `No such control path: ${path}`);
    const found = matches.find(({ route }) => route.method === message.method);
    if (!found) throw new ControlError(405, `${message.method ?? ''} is not offered here.`);
    const body = await readJson(message);
    return found.route.handle({ params: found.params, query: new URLSearchParams(query), body });
  } catch (error) {
    if (error instanceof ControlError) return { status: error.status, body: { error: error.message } };
    if (error instanceof z.ZodError) return { status: 400, body: { error: z.prettifyError(error) } };
    return { status: 500, body: { error: error instanceof Error ? error.message : String(error) } };
  }
}

function matchPath(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split('/');
  const given = path.split('/');
  if (wanted.length !== given.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, segment] of wanted.entries()) {
    const value = given[index] ?? '';
    if (!segment.startsWith(':')) {
      if (segment !== value) return undefined;
      continue;
    }
    try {
      params[segment.slice(1)] = decodeURIComponent(value);
    } catch {
      throw new ControlError(400, `The path segment ${value} is not percent-encoded UTF-8.`);
    }
  }
  return params;
}

async function readJson(message: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new ControlError(413, 'The body is too large.');
    chunks.push(chunk);
  }
  if (size === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw new ControlError(400, 'The body is not JSON.');
  }
}
