import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { checkSignature, type SigningKey } from '../../local/signature-v4.ts';
import type { ApiAnswer, ApiContract, ContractOperation } from './api-contract.ts';
import type { GeneratedRequest } from './request-generator.ts';

export interface ExampleGateway {
  /** With the path of a stage. */
  readonly url: string;
  /** What has been asked, as it stood in the request lines, and how it was answered. */
  readonly requests: { readonly line: string; readonly status: number }[];
  stop(): Promise<void>;
}

export interface ExampleGatewayOptions {
  readonly contract: ApiContract;
  readonly region: string;
  readonly accessKeyId: string;
  readonly key: SigningKey;
  readonly apiKey: string;
  readonly answer: (request: GeneratedRequest) => Promise<ApiAnswer>;
}

const STAGE = '/example';

/** A door that checks signature and API key, and knows the routes: what the examples of the documentation are tried on. */
export async function startExampleGateway(options: ExampleGatewayOptions): Promise<ExampleGateway> {
  const { contract, region, accessKeyId, key, apiKey } = options;
  const requests: ExampleGateway['requests'] = [];
  const server = createServer((incoming, outgoing) => {
    void bodyOf(incoming)
      .then((body) => answerTo(incoming, body))
      .then(({ status, headers, body }) => {
        requests.push({ line: `${incoming.method} ${incoming.url}`, status });
        outgoing.writeHead(status, headers).end(body);
      });
  });

  async function answerTo(incoming: IncomingMessage, body: Buffer): Promise<ApiAnswer> {
    const { method = '', url = '', headers } = incoming;
    const scope = { region, service: 'execute-api' };
    const check = checkSignature(
      { method, url, headers, body },
      scope,
      (id) => (id === accessKeyId ? key : undefined),
      Date.now(),
    );
    if ('problem' in check) return refusal('INVALID_SIGNATURE', check.problem.message);
    if (headers['x-api-key'] !== apiKey) return refusal('API_KEY_REFUSED', 'no such key');
    const { pathname, searchParams } = new URL(url, 'http://example.invalid');
    for (const operation of contract.operations) {
      const pathParameters = matched(operation, method, pathname);
      if (pathParameters === undefined) continue;
      return options.answer({
        operation,
        method,
        pathParameters,
        query: [...searchParams],
        headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value].flat().join(',')])),
        body: body.length === 0 ? undefined : body.toString(),
        flaw: undefined,
        secrets: [],
      });
    }
    return refusal('MISSING_AUTHENTICATION', 'no such route');
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${STAGE}`,
    requests,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function matched(
  { method, path }: ContractOperation,
  asked: string,
  pathname: string,
): Record<string, string> | undefined {
  if (method !== asked) return undefined;
  const pattern = path.replaceAll('.', '\\.').replaceAll(/\{(\w+)\}/g, '(?<$1>[^/]+)');
  const match = new RegExp(`^${STAGE}${pattern}$`).exec(pathname);
  return match === null ? undefined : { ...match.groups };
}

function refusal(code: string, message: string): ApiAnswer {
  const requestId = randomUUID();
  return {
    status: 403,
    headers: { 'content-type': 'application/json', 'x-amz-apigw-id': requestId },
    body: JSON.stringify({ error: { code, message, requestId } }),
  };
}

async function bodyOf(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
