import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    scratchRoot: string;
  }
}

/** Runs once before the tests of a project: makes a folder for what they write. Its result removes that afterwards. */
export function setup(project: TestProject): () => void {
  const root = mkdtempSync(join(tmpdir(), 'offer-relay-test-'));
  project.provide('scratchRoot', root);
  return () => rmSync(root, { recursive: true, force: true });
}

/** A new folder for a test to write to; it is gone after the run. */
export function scratchFolder(): string {
  return mkdtempSync(join(inject('scratchRoot'), 'test-'));
}
