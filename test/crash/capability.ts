import type { SynthesisOptions } from '../../local/synthesise.ts';
import type { Fact } from './facts.ts';
import type { MomentKind } from './kill-moments.ts';
import type { TemplateAdjustment } from './template-adjustments.ts';
import type { StackAddress } from './stack-messages.ts';

/** What the harness has to know of a capability of the stack. Everything else is the same for all of them. */
export interface Capability {
  readonly name: string;
  /** When to kill, by the names that `--at` takes. */
  readonly moments: Readonly<Record<string, MomentKind>>;
  /** What the template holds that would make a run long. */
  readonly adjustments: readonly TemplateAdjustment[];
  /** Functions to invoke beside their schedules, by construct path. */
  readonly ticks: readonly { readonly constructPath: string; readonly everyMs: number }[];
  /** Starts the upstream, which outlives the stack. */
  open(stage: string, folder: string, seed: number): Promise<Scene>;
}

/** An upstream that lives, and the stack's settings and secrets for it. */
export interface Scene {
  /** Content of the stage's settings file. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly synthesis: Omit<SynthesisOptions, 'config'>;
  /** By name. */
  readonly secrets: Readonly<Record<string, unknown>>;
  /** Gives the stack something to do, once, before its first life begins. */
  fill(stack: StackAddress): Promise<void>;
  /** Upstream requests so far. */
  requests(): number;
  /** From now on the truth stays as it is. */
  freeze(): Promise<void>;
  /** What the stack has not looked at since then, while it works on; empty when it has caught up. */
  unseen(stack: StackAddress): Promise<readonly string[]>;
  /** What is not finished yet, while nothing new is begun; empty when all is at rest. */
  unsettled(stack: StackAddress): Promise<readonly string[]>;
  /** Compares what the stack holds and has told with the truth. The stack is at rest, and still runs. */
  check(stack: StackAddress, facts: readonly Fact[]): Promise<readonly CheckResult[]>;
  close(): Promise<void>;
}

/** How one check went. */
export interface CheckResult {
  readonly name: string;
  /** First how many things were looked at, which must not be none; then what is worth knowing beside the verdict. */
  readonly counts: Readonly<Record<string, number>>;
  /** What must not be, as sentences that name the thing and what is wrong with it. */
  readonly violations: readonly string[];
}
