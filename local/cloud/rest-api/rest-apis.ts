import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { CloudModel } from '../model.ts';
import { ApiKeys } from './api-keys.ts';
import { readRequest } from './api-request.ts';
import { LARGEST_BODY_BYTES, type ApiAnswer } from './gateway-response.ts';
import { RestApiGateway, type GatewayServices } from './rest-api-gateway.ts';
import { Usage } from './usage.ts';

const LOOPBACK = '127.0.0.1';
/** https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html */
const IDLE_CONNECTION_MS = 310_000;

/** Where a REST API is reached. */
export interface RestApiAddress {
  readonly apiId: string;
  /** With the path of its (first) stage, such as `http://127.0.0.1:4567/prod`. */
  readonly url: string;
}

/** Every REST API of the template, each at an address of its own. */
export interface RestApis {
  /** By logical id. */
  readonly addresses: ReadonlyMap<string, RestApiAddress>;
  /** The value of an API key, by its identifier. */
  apiKeyValue(keyId: string): string | undefined;
  /** Lets what is being answered finish for a moment, then listens no longer. */
  stop(): Promise<void>;
}

/**
 * Opens the template's REST APIs.
 *
 * @param options `dataDir` keeps API keys and quotas; `port` is for the first API, the others have free ones; `graceMs` is how
 *   long a stop waits for what is being answered
 * @throws TemplateError for what cannot be served; Error where the port is taken
 */
export async function openRestApis(
  model: CloudModel,
  services: Omit<GatewayServices, 'apiKeys' | 'usage' | 'usagePlans'>,
  options: { readonly dataDir: string; readonly port?: number; readonly graceMs: number },
): Promise<RestApis> {
  const apiKeys = new ApiKeys(model.apiKeys.values(), join(options.dataDir, 'api-keys.json'));
  const usage = new Usage(join(options.dataDir, 'api-usage.json'), services.now);
  const shared: GatewayServices = { ...services, apiKeys, usage, usagePlans: model.usagePlans };
  const gateways = [...model.restApis.values()].map((definition) => new RestApiGateway(definition, shared));
  const logged = [...model.restApis.values()].some(({ stages }) => [...stages.values()].some((one) => one.accessLog));
  if (logged && model.apiGatewayAccounts.length === 0) {
    const note =
      'Access logs: the template sets no role to write them in (AWS::ApiGateway::Account); the account has to have one';
    services.logs.write('Cloud', note);
  }
  const listeners: Listener[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(listeners.map((listener) => listener.stop()));
    usage.save();
  };
  const addresses = new Map<string, RestApiAddress>();
  try {
    for (const gateway of gateways) {
      const listener = await listen(gateway, listeners.length === 0 ? (options.port ?? 0) : 0, options.graceMs);
      listeners.push(listener);
      const { logicalId, id, stages } = gateway.definition;
      const stage = stages.keys().next().value;
      addresses.set(logicalId, { apiId: id, url: stage === undefined ? listener.url : `${listener.url}/${stage}` });
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { addresses, apiKeyValue: (keyId) => apiKeys.valueOf(keyId), stop };
}

interface Listener {
  readonly url: string;
  stop(): Promise<void>;
}

async function listen(gateway: RestApiGateway, port: number, graceMs: number): Promise<Listener> {
  const underWay = new Set<Promise<void>>();
  const server: Server = createServer((message, response) => {
    const answering = serve(gateway, message, response)
      // A client that has gone needs no answer.
      .catch(() => void response.destroy())
      .finally(() => underWay.delete(answering));
    underWay.add(answering);
  });
  server.keepAliveTimeout = IDLE_CONNECTION_MS;
  server.listen(port, LOOPBACK);
  await once(server, 'listening');
  return {
    url: `http://${LOOPBACK}:${(server.address() as AddressInfo).port}`,
    async stop() {
      const closed = once(server, 'close');
      server.close();
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([Promise.all(underWay), new Promise((resolve) => (timer = setTimeout(resolve, graceMs)))]);
      clearTimeout(timer);
      server.closeAllConnections();
      await closed;
    },
  };
}

async function serve(gateway: RestApiGateway, message: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    // What is too long is read to its end, so that the client hears the answer.
    if (bytes <= LARGEST_BODY_BYTES) chunks.push(chunk);
  }
  const body = bytes > LARGEST_BODY_BYTES ? Buffer.alloc(0) : Buffer.concat(chunks);
  reply(response, await gateway.answer(readRequest(message, body), bytes));
}

function reply(response: ServerResponse, { status, headers, body }: ApiAnswer): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  // An answer that may have no body has no length either.
  const bodiless = status === 204 || status === 304;
  if (!bodiless) response.setHeader('Content-Length', body.length);
  response.writeHead(status);
  response.end(bodiless ? undefined : body);
}
