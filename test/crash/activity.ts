import type { RunningStack } from './running-stack.ts';

/** What one life of a stack is doing. */
export interface Activity {
  /** Invocations that are running. */
  inFlight(): number;
  /** The functions that run, and the last call that any of them has made. */
  describe(): string;
  /** Stops looking. */
  end(): void;
}

/** Watches what a stack does, from its first moment to its last: a function that runs may have begun long ago. */
export function watchActivity(stack: Pick<RunningStack, 'address' | 'onFact'>): Activity {
  const running = new Map<string, number>();
  let last: { readonly operation: string; readonly functionId: string } | undefined;
  const name = (functionId: string): string => {
    const path = stack.address.resources.find(({ logicalId }) => logicalId === functionId)?.constructPath;
    return path?.split('/').at(-3) ?? functionId;
  };
  const count = (functionId: string, by: number): void =>
    void running.set(functionId, (running.get(functionId) ?? 0) + by);
  const end = stack.onFact((fact) => {
    if (fact.kind === 'began') count(fact.functionId, 1);
    if (fact.kind === 'ended') count(fact.functionId, -1);
    if (fact.kind === 'call' && fact.functionId !== undefined) {
      last = { operation: fact.operation, functionId: fact.functionId };
    }
  });
  return {
    end,
    inFlight: () => [...running.values()].reduce((sum, times) => sum + Math.max(0, times), 0),
    describe() {
      const busy = [...running].filter(([, times]) => times > 0).map(([id, times]) => `${times} × ${name(id)}`);
      const doing = busy.length === 0 ? 'nothing in flight' : `in flight: ${busy.join(', ')}`;
      return last === undefined ? doing : `${doing}; last call: ${last.operation} of ${name(last.functionId)}`;
    },
  };
}
