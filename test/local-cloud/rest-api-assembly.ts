import { request as send } from 'node:http';
import type { APIGatewayProxyEvent } from 'aws-lambda';
import aws4 from 'aws4';
import type { Cloud } from '../../local/cloud/cloud.ts';
import type { AssemblyParts, Resources } from './hand-written-assembly.ts';

const attribute = (id: string, name = 'Arn') => ({ 'Fn::GetAtt': [id, name] });
const own = (type: string, properties: Record<string, unknown> = {}) => ({
  Type: `AWS::ApiGateway::${type}`,
  Properties: { RestApiId: { Ref: 'Api' }, ...properties },
});

/** Answers with the event that it was given. */
export const ECHO = 'export const handler = async (event) => ({ statusCode: 200, body: JSON.stringify(event) });';
/** Answers with what the request's body says a function might answer. */
export const PUPPET = 'export const handler = async (event) => JSON.parse(event.body);';

export interface ApiParts {
  /** Properties by verb and path, such as `GET /titles/{alid}`; `function` names another one than `Work`. */
  methods: Record<string, Record<string, unknown> & { function?: string }>;
  stage?: Record<string, unknown>;
  api?: Record<string, unknown>;
  /** By logical id; `RestApiId` is added to those of an API. */
  resources?: Resources;
  functions?: AssemblyParts['functions'];
  template?: AssemblyParts['template'];
}

/** An API with one stage, `prod`, of which every function lets every method call it. */
export function apiParts({ methods, stage, api, resources = {}, functions, template }: ApiParts): AssemblyParts {
  const made: Resources = {
    Api: { Type: 'AWS::ApiGateway::RestApi', Properties: { Name: 'api', ...api } },
    ...resources,
  };
  const idOf = (path: string): unknown => {
    if (path === '') return attribute('Api', 'RootResourceId');
    const id = `Resource${path.replace(/\W/g, (character) => character.charCodeAt(0).toString(16))}`;
    const cut = path.lastIndexOf('/');
    made[id] ??= own('Resource', { ParentId: idOf(path.slice(0, cut)), PathPart: path.slice(cut + 1) });
    return { Ref: id };
  };
  const all = functions ?? { Work: { code: ECHO } };
  const methodIds = Object.entries(methods).map(([route, { function: name = 'Work', ...properties }], index) => {
    const [httpMethod, path = '/'] = route.split(' ');
    made[`Method${index}`] = own('Method', {
      HttpMethod: httpMethod,
      ResourceId: idOf(path === '/' ? '' : path),
      AuthorizationType: 'NONE',
      ...properties,
      Integration: {
        Type: 'AWS_PROXY',
        IntegrationHttpMethod: 'POST',
        Uri: {
          'Fn::Sub': `arn:aws:apigateway:\${AWS::Region}:lambda:path/2015-03-31/functions/\${${name}.Arn}/invocations`,
        },
        ...(properties['Integration'] as object | undefined),
      },
    });
    return `Method${index}`;
  });
  for (const name of Object.keys(all)) {
    made[`${name}Permission`] ??= {
      Type: 'AWS::Lambda::Permission',
      Properties: {
        Action: 'lambda:InvokeFunction',
        FunctionName: { Ref: name },
        Principal: 'apigateway.amazonaws.com',
        SourceArn: { 'Fn::Sub': 'arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*/*/*' },
      },
    };
  }
  made['Deployment'] = { ...own('Deployment'), DependsOn: methodIds };
  made['Stage'] = own('Stage', { DeploymentId: { Ref: 'Deployment' }, StageName: 'prod', ...stage });
  return { resources: made, functions: all, ...(template ? { template } : {}) };
}

/** A mock integration that answers preflight requests, as CDK makes it. */
export const PREFLIGHT = {
  Integration: {
    Type: 'MOCK',
    IntegrationHttpMethod: undefined,
    Uri: undefined,
    RequestTemplates: { 'application/json': '{ statusCode: 200 }' },
    IntegrationResponses: [
      {
        StatusCode: '204',
        ResponseParameters: {
          'method.response.header.Access-Control-Allow-Origin': "'https://shop.example'",
          'method.response.header.Access-Control-Allow-Methods': "'OPTIONS,GET'",
        },
      },
    ],
  },
};

export interface Call {
  method?: string;
  /** After the stage, as it is to stand in the request line. */
  path?: string;
  headers?: Record<string, string | string[]>;
  body?: string | Buffer;
}

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  bytes: Buffer;
  /** The body as JSON. */
  readonly json: unknown;
  /** The same, where it is the event that a function has echoed. */
  readonly event: APIGatewayProxyEvent;
}

export const urlOf = (cloud: Cloud): URL => new URL(cloud.restApis.get('Api')!.url);

/** Sends a request as it is: nothing in its path is normalised. */
export async function call(url: URL, { method = 'GET', path = '/', headers = {}, body }: Call = {}): Promise<Answer> {
  const stage = url.pathname === '/' ? '' : url.pathname;
  return new Promise((resolve, reject) => {
    const options = { host: url.hostname, port: url.port, method, path: `${stage}${path}`, headers };
    const sent = send(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const bytes = Buffer.concat(chunks);
        const text = bytes.toString('utf8');
        resolve({
          status: response.statusCode!,
          headers: response.headers,
          text,
          bytes,
          get json() {
            return JSON.parse(text) as unknown;
          },
          get event() {
            return JSON.parse(text) as APIGatewayProxyEvent;
          },
        });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

export interface Signer {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

/** Signs a call with aws4, which shares no code with what checks it. */
export function signedCall(
  url: URL,
  { method = 'GET', path = '/', headers = {}, body = '' }: Call,
  signer: Signer,
  scope: { service?: string; region?: string } = {},
): Call {
  const signed = aws4.sign(
    {
      host: url.host,
      method,
      path: `${url.pathname}${path}`,
      service: 'execute-api',
      region: 'us-east-1',
      headers: { 'content-type': 'application/json', ...headers },
      body,
      ...scope,
    },
    signer,
  );
  return { method, path, headers: signed.headers as Record<string, string>, body };
}
