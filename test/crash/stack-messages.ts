import type { Fact } from './facts.ts';

/** What a running stack tells about itself: enough to reach its tables and queues. */
export interface StackAddress {
  readonly endpoints: { readonly dynamodb: string; readonly sqs: string };
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly outputs: Readonly<Record<string, string>>;
  readonly resources: readonly ResourceName[];
}

export interface ResourceName {
  readonly logicalId: string;
  readonly physicalId: string;
  readonly constructPath: string;
}

/** How the child is to run the stack. Holds secrets, so it travels over the channel and is in nobody's arguments. */
export interface StackOrder {
  readonly assembly: string;
  readonly dataDir: string;
  readonly secrets: Readonly<Record<string, unknown>>;
  /** Where the facts go, and which life this is, counted from 1. */
  readonly factsFolder: string;
  readonly life: number;
}

export type ToStack =
  | { readonly kind: 'open'; readonly order: StackOrder }
  /** Event sources and schedules begin. */
  | { readonly kind: 'start' }
  /** Invokes a function again and again beside its schedule, so many milliseconds apart. */
  | { readonly kind: 'tick'; readonly constructPath: string; readonly everyMs: number }
  | { readonly kind: 'endTicks'; readonly constructPath: string }
  | { readonly kind: 'stop' };

export type FromStack =
  | { readonly kind: 'open'; readonly address: StackAddress }
  | { readonly kind: 'started' }
  /** The last of these invocations has ended. */
  | { readonly kind: 'ticksEnded'; readonly constructPath: string }
  /** As soon as it is on the disk; without what is long. */
  | { readonly kind: 'fact'; readonly fact: Fact };

/** Whether a construct path, such as `Stack/WatchTables/History/Resource`, ends so, such as in `WatchTables/History`. */
export function endsIn(constructPath: string, suffix: string): boolean {
  return `/${constructPath}`.replace(/\/(Resource|Default)$/, '').endsWith(`/${suffix}`);
}

/** The one resource whose construct path ends so. */
export function resourceAt(address: StackAddress, pathSuffix: string): ResourceName {
  const found = address.resources.filter(({ constructPath }) => endsIn(constructPath, pathSuffix));
  if (found.length !== 1)
    throw new Error(`${found.length} resources of the stack have a path that ends in ${pathSuffix}`);
  return found[0]!;
}
