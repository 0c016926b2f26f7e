import type { IncomingMessage } from 'node:http';

/** A request as an API gets it. */
export interface ApiRequest {
  readonly message: IncomingMessage;
  readonly httpMethod: string;
  /** Path and query as they stand in the request line. */
  readonly url: string;
  /** Path without the query, with the stage. */
  readonly fullPath: string;
  /** The first segment of the path. */
  readonly stageName: string;
  /** Path without the stage, with a slash in front. */
  readonly path: string;
  /** Values by name, decoded, in the order in which they came. */
  readonly query: Readonly<Record<string, readonly string[]>>;
  /** Values by name, in the case in which it came first. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly body: Buffer;
}

export function readRequest(message: IncomingMessage, body: Buffer): ApiRequest {
  const url = message.url ?? '/';
  const mark = url.indexOf('?');
  const fullPath = mark === -1 ? url : url.slice(0, mark);
  const [, stageName = ''] = fullPath.split('/', 2);
  const path = fullPath.slice(stageName.length + 1);
  return {
    message,
    httpMethod: message.method ?? 'GET',
    url,
    fullPath,
    stageName,
    path: path === '' ? '/' : path,
    query: readQuery(mark === -1 ? '' : url.slice(mark + 1)),
    headers: readHeaders(message.rawHeaders),
    body,
  };
}

/** The first value of a header, whatever its case. */
export function headerOf({ message }: ApiRequest, name: string): string | undefined {
  return [message.headers[name.toLowerCase()] ?? []].flat()[0];
}

/** The media type without its parameters; a request that names none has JSON. */
export function mediaTypeOf(request: ApiRequest): string {
  const type = headerOf(request, 'content-type')?.split(';')[0]?.trim().toLowerCase();
  return type === undefined || type === '' ? 'application/json' : type;
}

function readQuery(text: string): Record<string, string[]> {
  const query: Record<string, string[]> = Object.create(null) as Record<string, string[]>;
  // A semicolon separates as well. https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
  for (const pair of text.split(/[&;]/)) {
    const equals = pair.indexOf('=');
    const name = decode(equals === -1 ? pair : pair.slice(0, equals));
    if (name !== '') (query[name] ??= []).push(equals === -1 ? '' : decode(pair.slice(equals + 1)));
  }
  return { ...query };
}

function decode(text: string): string {
  const spaced = text.replaceAll('+', ' ');
  try {
    return decodeURIComponent(spaced);
  } catch {
    // What is no encoding is taken for the text itself.
    return spaced;
  }
}

function readHeaders(raw: readonly string[]): Record<string, string[]> {
  const byName = new Map<string, { name: string; values: string[] }>();
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!;
    const entry = byName.get(name.toLowerCase()) ?? { name, values: [] };
    byName.set(name.toLowerCase(), entry);
    entry.values.push(raw[index + 1]!);
  }
  return Object.fromEntries([...byName.values()].map(({ name, values }) => [name, values]));
}
