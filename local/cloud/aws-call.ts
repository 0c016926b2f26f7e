import { Agent, request } from 'node:http';
import { REGION } from './intrinsics.ts';

/** An error answer of an AWS JSON service: `code` is the error's short name, e.g. `ResourceNotFoundException`. */
export class AwsCallError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'AwsCallError';
    this.code = code;
  }
}

export interface AwsClient {
  readonly url: string;
  /** Sends one operation as it stands on the wire; a `Blob` therefore stays a base64 string. */
  call<T = Record<string, unknown>>(operation: string, input: object, signal?: AbortSignal): Promise<T>;
  close(): void;
}

/**
 * A client of an AWS JSON protocol service on this machine. The SDK would turn stream records and messages into objects
 * which event sources must turn back into the wire's form, so the wire's form is kept. Engines do not verify signatures.
 */
export function awsClient(url: string, targetPrefix: string): AwsClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const credential = `AWS4-HMAC-SHA256 Credential=LOCALCLOUD/20250101/${REGION}/local/aws4_request, SignedHeaders=host, Signature=00`;

  return {
    url,
    call(operation, input, signal) {
      const body = Buffer.from(JSON.stringify(input));
      return new Promise((resolve, reject) => {
        const sent = request(
          url,
          {
            method: 'POST',
            agent,
            signal,
            headers: {
              'content-type': 'application/x-amz-json-1.0',
              'content-length': body.length,
              'x-amz-target': `${targetPrefix}.${operation}`,
              'x-amz-date': '20250101T000000Z',
              authorization: credential,
            },
          },
          (response) => {
            const chunks: Buffer[] = [];
            response.on('data', (chunk: Buffer) => chunks.push(chunk));
            response.on('error', reject);
            response.on('end', () => {
              const text = Buffer.concat(chunks).toString('utf8');
              let answer: { __type?: string; message?: string; Message?: string };
              try {
                answer = text === '' ? {} : (JSON.parse(text) as typeof answer);
              } catch {
                return reject(
                  new AwsCallError('InvalidAnswer', `${operation} at ${url} answered ${response.statusCode}: ${text}`),
                );
              }
              if (response.statusCode === 200) return resolve(answer as never);
              const code = (answer.__type ?? 'UnknownError').split('#').at(-1)!;
              const message = answer.message ?? answer.Message ?? `status ${response.statusCode}`;
              reject(new AwsCallError(code, message));
            });
          },
        );
        sent.on('error', reject);
        sent.end(body);
      });
    },
    close: () => agent.destroy(),
  };
}
