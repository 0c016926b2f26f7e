import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ACCOUNT, API_PARTNER, API_STAGE } from '../../bench/api-stage.ts';
import { STAGE, standSettings } from '../../bench/api-stand.ts';
import { loadSettings } from '../../config/settings.ts';

describe('the stage of bench:api', () => {
  it('has settings that the stack takes', () => {
    const directory = mkdtempSync(join(tmpdir(), 'offer-relay-bench-stage-'));
    try {
      writeFileSync(join(directory, `${STAGE}.json`), JSON.stringify(standSettings(API_STAGE, API_PARTNER)));
      const { partners } = loadSettings(STAGE, { directory }).runtime.partnerApi;
      expect(partners[STAGE]?.buyWithPrime).toEqual({ account: ACCOUNT });
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
