import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { AccessControl } from '../../local/cloud/access-control.ts';
import { IssuedCredentials } from '../../local/cloud/credentials.ts';
import { buildFrontDoor } from '../../local/cloud/front-door.ts';
import { emptyModel } from '../../local/cloud/model.ts';
import { collector } from './hand-written-assembly.ts';

type Engine = (request: IncomingMessage, response: ServerResponse, body: string) => void;

/** A door in front of an engine that does what a test says. Requests need no signature; they are the operator's. */
async function doorTo(engine: Engine) {
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => engine(incoming, response, Buffer.concat(chunks).toString('utf8')));
    response.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const door = await buildFrontDoor();
  onTestFinished(async () => {
    await door.stop();
    server.closeAllConnections();
    server.close();
  });
  const queues = new Map([['arn:aws:sqs:us-east-1:000000000000:q', `${url}/000000000000/q`]]);
  door.open({
    access: new AccessControl({ model: emptyModel(), enforced: false }),
    operations: {},
    engines: { DynamoDB_20120810: url, AmazonSQS: url },
    queryServices: [],
    credentials: new IssuedCredentials(),
    secretArn: () => undefined,
    exists: (arn) => queues.has(arn),
    engineQueueUrl: (arn) => queues.get(arn),
    enforced: false,
  });
  const call = async (target: string, body: string, headers: Record<string, string> = {}) => {
    const answer = await fetch(door.url, { method: 'POST', headers: { 'x-amz-target': target, ...headers }, body });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  return { door, url, call };
}

const GET = 'DynamoDB_20120810.GetItem';

test('an engine that breaks off, at whatever point, costs one call and not the cloud', async () => {
  const { call } = await doorTo((_, response, body) => {
    if (body.includes('at once')) return void response.destroy();
    if (body.includes('in the middle')) {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{"half":');
      return void setImmediate(() => response.destroy());
    }
    response.end('{"whole":true}');
  });
  expect(await call(GET, '{"die":"at once"}')).toMatchObject({ status: 500, body: { __type: 'InternalFailure' } });
  expect(await call(GET, '{"die":"in the middle"}')).toMatchObject({ status: 500 });
  expect(await call(GET, '{}')).toEqual({ status: 200, body: { whole: true } });
});

test('an engine that answers before it has read everything does not end the cloud', async () => {
  const { call } = await doorTo((_, response) => response.end('{}'));
  expect(await call(GET, JSON.stringify({ text: 'x'.repeat(21 * 1024 * 1024) }))).toMatchObject({
    status: 413,
    body: { __type: 'RequestEntityTooLarge' },
  });
  expect(await call(GET, '{}')).toEqual({ status: 200, body: {} });
});

test('an engine sees what was judged: the target and the body, and none of the caller’s headers', async () => {
  const seen = collector<IncomingMessage['headers']>();
  const { call } = await doorTo((incoming, response) => {
    seen.add(incoming.headers);
    response.end('{}');
  });
  await call(GET, '{}', { 'content-type': 'application/x-www-form-urlencoded', 'x-other': 'y' });
  expect(seen.items[0]).toMatchObject({ 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': GET });
  expect(seen.items[0]).not.toHaveProperty('x-other');
});

test('a caller that hangs up takes its call to the engine along', async () => {
  const arrived = collector<IncomingMessage>();
  const closed = collector<boolean>();
  const { door } = await doorTo((incoming, response) => {
    response.on('close', () => closed.add(true));
    arrived.add(incoming);
  });
  const poll = request(door.url, { method: 'POST', headers: { 'x-amz-target': 'AmazonSQS.ReceiveMessage' } });
  poll.on('error', () => undefined);
  poll.end('{}');
  await arrived.until(1);
  poll.destroy();
  await closed.until(1);
});

test('queues have the engine’s URL behind the door and the door’s before it', async () => {
  const bodies = collector<string>();
  const { door, url, call } = await doorTo((_, response, body) => {
    bodies.add(body);
    response.end(JSON.stringify({ QueueUrl: 'http://elsewhere:9/000000000000/q', Body: 'http://elsewhere:9' }));
  });
  const QueueUrl = `${door.url}/000000000000/q`;
  const { body } = await call('AmazonSQS.GetQueueAttributes', JSON.stringify({ QueueUrl }));
  expect(JSON.parse(bodies.items[0]!)).toEqual({ QueueUrl: `${url}/000000000000/q` });
  expect(body).toEqual({ QueueUrl, Body: 'http://elsewhere:9' });
});

test.each(['[]', '"x"', 'null', '{"a":'])('a body of %s is no request', async (body) => {
  const { call } = await doorTo((_, response) => response.end('{}'));
  expect(await call(GET, body)).toMatchObject({ status: 400, body: { __type: 'SerializationException' } });
});

test.each(['AmazonSSM.GetParameter', 'constructor.name', '__proto__.x', 'secretsmanager.GetSecretValue'])(
  '%s is refused by name where nobody plays it',
  async (target) => {
    const { call } = await doorTo((_, response) => response.end('{}'));
    const { status, body } = await call(target, '{}');
    expect([status, body['__type']]).toEqual([400, 'UnknownOperationException']);
    expect(body['message']).toContain(target);
  },
);
