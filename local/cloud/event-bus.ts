import { randomUUID } from 'node:crypto';
import type { AccessControl } from './access-control.ts';
import { targetInput } from './input-transformer.ts';
import { ACCOUNT_ID, REGION } from './intrinsics.ts';
import { ServiceError, type Operations } from './json-service.ts';
import type { BusDefinition, CloudModel, RuleDefinition, RuleTarget } from './model.ts';
import type { Caller } from './service-call.ts';
import type { TargetDelivery } from './target-delivery.ts';

/** An event as rules and targets see it, plus the bus that took it. */
export interface BusEvent {
  version: string;
  id: string;
  'detail-type': string;
  source: string;
  account: string;
  time: string;
  region: string;
  resources: string[];
  detail: Record<string, unknown>;
}

interface Entry {
  Source?: unknown;
  DetailType?: unknown;
  Detail?: unknown;
  EventBusName?: unknown;
  Resources?: unknown;
  Time?: unknown;
}

type EntryResult = { EventId: string } | { ErrorCode: string; ErrorMessage: string };

/** What the sources of partners begin with, and so their buses. */
const PARTNER_SOURCES = 'aws.partner/';
const DEFAULT_BUS: BusDefinition = { name: 'default', arn: `arn:aws:events:${REGION}:${ACCOUNT_ID}:event-bus/default` };

/** The buses and their rules. */
export class EventBuses {
  private readonly model: CloudModel;
  private readonly delivery: TargetDelivery;
  private readonly access: AccessControl;
  private readonly onEvent: ((event: BusEvent, busName: string) => void) | undefined;

  constructor(
    model: CloudModel,
    delivery: TargetDelivery,
    access: AccessControl,
    onEvent?: (event: BusEvent, busName: string) => void,
  ) {
    this.model = model;
    this.delivery = delivery;
    this.access = access;
    this.onEvent = onEvent;
  }

  operations(): Operations {
    return {
      'AWSEvents.PutEvents': (input) => this.put(input, (entry) => this.acceptOwn(entry)),
      'AWSEvents.PutPartnerEvents': (input) => this.put(input, (entry) => this.acceptPartners(entry)),
      'AWSEvents.DescribeEventBus': (input) => {
        const bus = this.require(text(input['Name']) ?? 'default');
        return { Name: bus.name, Arn: bus.arn };
      },
      'AWSEvents.ListRules': (input) => {
        const bus = this.require(text(input['EventBusName']) ?? 'default');
        const prefix = text(input['NamePrefix']) ?? '';
        const rules = this.model.rules.filter((rule) => rule.busName === bus.name && rule.name.startsWith(prefix));
        return { Rules: rules.map(describeRule) };
      },
    };
  }

  private find(nameOrArn: string): BusDefinition | undefined {
    return [DEFAULT_BUS, ...this.model.buses.values()].find(({ name, arn }) => nameOrArn === name || nameOrArn === arn);
  }

  private require(nameOrArn: string): BusDefinition {
    const bus = this.find(nameOrArn);
    if (!bus) throw new ServiceError('ResourceNotFoundException', `Event bus ${nameOrArn} does not exist.`);
    return bus;
  }

  private put(input: Record<string, unknown>, accept: (entry: Entry) => EntryResult) {
    const entries = input['Entries'];
    // Too many of them, or too large ones, do not come through the door.
    if (!Array.isArray(entries) || entries.length === 0) {
      throw new ServiceError(
        'ValidationException',
        "1 validation error detected: Value '[]' at 'entries' failed to satisfy constraint: Member must have length greater than or equal to 1",
      );
    }
    const results = (entries as Entry[]).map(accept);
    return { FailedEntryCount: results.filter((result) => 'ErrorCode' in result).length, Entries: results };
  }

  private acceptOwn(entry: Entry): EntryResult {
    if (text(entry.Source)?.startsWith('aws.'))
      return refuse('NotAuthorizedForSourceException', 'Not authorized for the source.');
    return this.accept(entry, text(entry.EventBusName) ?? 'default');
  }

  /** What a partner of AWS sends arrives on the bus that has its source's name. Here the operator plays the partner. */
  private acceptPartners(entry: Entry): EntryResult {
    const source = text(entry.Source) ?? '';
    if (source.startsWith(PARTNER_SOURCES)) return this.accept(entry, source);
    return refuse('InvalidArgument', `Parameter Source is not valid. Reason: it must begin with ${PARTNER_SOURCES}.`);
  }

  private accept(entry: Entry, busName: string): EntryResult {
    for (const [field, value] of [
      ['Source', entry.Source],
      ['DetailType', entry.DetailType],
      ['Detail', entry.Detail],
    ] as const) {
      if (typeof value !== 'string' || value === '') {
        return refuse('InvalidArgument', `Parameter ${field} is not valid. Reason: ${field} is a required argument.`);
      }
    }
    let detail: unknown;
    try {
      detail = JSON.parse(String(entry.Detail));
    } catch {
      return refuse('MalformedDetail', 'Detail is malformed.');
    }
    if (detail === null || typeof detail !== 'object' || Array.isArray(detail))
      return refuse('MalformedDetail', 'Detail is malformed.');
    const bus = this.find(busName);
    // EventBridge takes such an entry and drops it. Here that would hide a missing or misnamed bus.
    if (!bus) return refuse('ResourceNotFoundException', `Event bus ${busName} does not exist.`);
    const event: BusEvent = {
      version: '0',
      id: randomUUID(),
      'detail-type': String(entry.DetailType),
      source: String(entry.Source),
      account: ACCOUNT_ID,
      time: secondsOf(entry.Time),
      region: REGION,
      resources: Array.isArray(entry.Resources) ? entry.Resources.map(String) : [],
      detail: detail as Record<string, unknown>,
    };
    this.dispatch(event, bus.name, false);
    return { EventId: event.id };
  }

  private mayForward(rule: RuleDefinition, target: RuleTarget): boolean {
    const permissions = [{ action: 'events:PutEvents', resource: target.arn }];
    const call = {
      caller: ruleAsCaller(rule, target),
      service: 'events',
      operation: 'PutEvents',
      input: {},
      permissions,
    };
    try {
      this.access.judge(call);
      return true;
    } catch {
      return false;
    }
  }

  /** Gives an event to every rule of its bus that it matches. */
  dispatch(event: BusEvent, busName: string, forwarded: boolean): void {
    this.onEvent?.(event, busName);
    for (const rule of this.model.rules) {
      if (rule.busName !== busName || !rule.enabled || !rule.pattern?.matches(event)) continue;
      for (const target of rule.targets) {
        const payload = targetInput(target, event, rule);
        const nextBus = [...this.model.buses.values()].find((bus) => bus.arn === target.arn);
        if (!nextBus) {
          const caller = ruleAsCaller(rule, target);
          // What the target would have got is made of the event; what nobody got is the event itself.
          const deadLetterBody = target.deadLetterArn === undefined ? undefined : JSON.stringify(event);
          this.delivery.deliver({
            ...target,
            targetArn: target.arn,
            sourceArn: rule.arn,
            caller,
            payload,
            ...(deadLetterBody !== undefined && { deadLetterBody }),
          });
        } else if (!forwarded && this.mayForward(rule, target)) {
          // EventBridge forwards an event from bus to bus once, no further.
          queueMicrotask(() => this.dispatch(event, nextBus.name, true));
        }
      }
    }
  }
}

/** A rule acts through its target's role, or else in the service's own name. */
export function ruleAsCaller({ logicalId, arn }: RuleDefinition, { roleArn }: RuleTarget): Caller {
  return { kind: 'rule', logicalId, sourceArn: arn, ...(roleArn === undefined ? {} : { roleArn }) };
}

const refuse = (code: string, message: string): EntryResult => ({ ErrorCode: code, ErrorMessage: message });

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function secondsOf(time: unknown): string {
  const date = typeof time === 'number' ? new Date(time * 1000) : new Date();
  return date.toISOString().replace(/\.\d{3}Z$/, 'Z');
}

function describeRule(rule: RuleDefinition) {
  return {
    Name: rule.name,
    Arn: rule.arn,
    EventBusName: rule.busName,
    State: rule.enabled ? 'ENABLED' : 'DISABLED',
    ...(rule.pattern ? { EventPattern: JSON.stringify(rule.pattern.source) } : {}),
    ...(rule.scheduleExpression ? { ScheduleExpression: rule.scheduleExpression } : {}),
  };
}
