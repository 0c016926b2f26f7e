import * as z from 'zod';
import type { AccessControl } from './access-control.ts';
import { identityOf } from './caller-identity.ts';
import { temporaryCredentials, type IssuedCredentials, type TemporaryCredentials } from './credentials.ts';
import { ServiceError } from './json-service.ts';
import type { CloudModel, RoleDefinition } from './model.ts';
import { neededPermissions } from './needed-permissions.ts';
import type { QueryService } from './query-protocol.ts';
import type { Caller } from './service-call.ts';

/** Whose sessions begin in a session: AWS gives them an hour at most, whatever the role allows. */
const CHAINED_SECONDS = 3600;
const DEFAULT_SECONDS = 3600;
const PREFIX = 'AWSSecurityTokenServiceV20110615';

/** Limits of a text in AWS's own words; `pattern` is written as AWS writes it in its refusals. */
function text(min: number, max: number, pattern?: string) {
  const member = z
    .string({ error: ({ input }) => (input === undefined ? 'Member must not be null' : undefined) })
    .min(min, `Member must have length greater than or equal to ${min}`)
    .max(max, `Member must have length less than or equal to ${max}`);
  if (pattern === undefined) return member;
  return member.regex(new RegExp(`^${pattern}$`), `Member must satisfy regular expression pattern: ${pattern}`);
}

/** https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html */
const AssumeRole = z.strictObject({
  RoleArn: text(20, 2048),
  RoleSessionName: text(2, 64, '[\\w+=,.@-]*'),
  ExternalId: text(2, 1224, '[\\w+=,.@:\\/-]*').optional(),
  DurationSeconds: z
    .string()
    .regex(/^\d+$/, { error: 'Member must be a whole number', abort: true })
    .refine((value) => Number(value) >= 900, 'Member must have value greater than or equal to 900')
    .refine((value) => Number(value) <= 43_200, 'Member must have value less than or equal to 43200')
    .transform(Number)
    .optional(),
});

/** What somebody gets who assumes a role. */
export interface RoleSession {
  readonly credentials: TemporaryCredentials;
  /** Epoch milliseconds, of a whole second. */
  readonly expiresAt: number;
  /** The role's session. */
  readonly caller: Caller;
}

export interface SecurityTokensOptions {
  readonly model: CloudModel;
  readonly access: AccessControl;
  readonly issued: IssuedCredentials;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** Gives out sessions of the template's roles, as AWS's Security Token Service does. */
export class SecurityTokens {
  readonly #options: SecurityTokensOptions;

  constructor(options: SecurityTokensOptions) {
    this.#options = options;
  }

  /**
   * Assumes a role, for a caller that comes without going through the front door.
   *
   * @throws ServiceError that says what is wrong with the input, or who may not do this and which policy lacks it
   */
  assumeRole(caller: Caller, input: Readonly<Record<string, string>>): RoleSession {
    const { model, access } = this.#options;
    const request = parse(input);
    const permissions = neededPermissions(`${PREFIX}.AssumeRole`, input, { secretArn: () => undefined });
    access.judge({ caller, service: 'sts', operation: 'AssumeRole', input, permissions });
    const role = model.roles.get(request.RoleArn);
    if (!role) throw new ServiceError('AccessDeniedException', `${request.RoleArn} is no role of this template`, 403);
    return this.#begin(role, request, caller);
  }

  /** STS at the front door. */
  service(): QueryService {
    return {
      name: 'sts',
      version: '2011-06-15',
      namespace: 'https://sts.amazonaws.com/doc/2011-06-15/',
      operations: {
        AssumeRole: (input, caller) => {
          const { credentials, expiresAt, caller: assumed } = this.assumeRole(caller, input);
          const { arn, userId } = identityOf(assumed);
          return {
            AssumedRoleUser: { AssumedRoleId: userId, Arn: arn },
            Credentials: {
              AccessKeyId: credentials.accessKeyId,
              SecretAccessKey: credentials.secretAccessKey,
              SessionToken: credentials.sessionToken,
              Expiration: new Date(expiresAt).toISOString().replace('.000Z', 'Z'),
            },
          };
        },
        GetCallerIdentity: (input, caller) => {
          this.#options.access.judge({
            caller,
            service: 'sts',
            operation: 'GetCallerIdentity',
            input,
            permissions: [],
          });
          const { arn, userId, account } = identityOf(caller);
          return { Arn: arn, UserId: userId, Account: account };
        },
      },
    };
  }

  #begin(role: RoleDefinition, request: z.infer<typeof AssumeRole>, by: Caller): RoleSession {
    const { issued, now } = this.#options;
    const seconds = request.DurationSeconds ?? DEFAULT_SECONDS;
    if (seconds > role.maxSessionSeconds) {
      throw invalid('The requested DurationSeconds exceeds the MaxSessionDuration set for this role.');
    }
    if (by.roleArn !== undefined && seconds > CHAINED_SECONDS) {
      throw invalid(
        'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.',
      );
    }
    const credentials = temporaryCredentials();
    const expiresAt = (Math.floor(now() / 1000) + seconds) * 1000;
    const { arn: roleArn, roleId, logicalId } = role;
    const caller: Caller = { kind: 'session', logicalId, roleArn, roleId, sessionName: request.RoleSessionName };
    issued.issue(credentials, caller, expiresAt);
    return { credentials, expiresAt, caller };
  }
}

function parse(input: Readonly<Record<string, string>>): z.infer<typeof AssumeRole> {
  const parsed = AssumeRole.safeParse(input);
  if (parsed.success) return parsed.data;
  const { issues } = parsed.error;
  // A session policy or tag would narrow the session, or be asked for by a condition.
  const unknown = issues.find((issue) => issue.code === 'unrecognized_keys')?.keys[0];
  if (unknown !== undefined) throw invalid(`${unknown}: the local cloud does not play this parameter of AssumeRole`);
  const wrong = issues.map(({ path, message }) => {
    const name = String(path[0]);
    const value = input[name] === undefined ? 'null' : `'${input[name]}'`;
    const member = name[0]!.toLowerCase() + name.slice(1);
    return `Value ${value} at '${member}' failed to satisfy constraint: ${message}`;
  });
  const errors = wrong.length === 1 ? '1 validation error' : `${wrong.length} validation errors`;
  throw invalid(`${errors} detected: ${wrong.join('; ')}`);
}

const invalid = (message: string): ServiceError => new ServiceError('ValidationException', message);
