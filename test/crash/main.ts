import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UsageError } from '../../local/command-line.ts';
import { helpText, readCrashOptions } from './crash-options.ts';
import { isClean, reportLines } from './crash-report.ts';
import { runCrashes } from './crash-run.ts';
import { offerStatus } from './offer-status/offer-status.ts';

async function main(argv: readonly string[]): Promise<number> {
  const { help, kills, seed, at, keep } = readCrashOptions(argv, offerStatus.moments);
  if (help) {
    process.stdout.write(helpText(offerStatus.moments));
    return 0;
  }
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort()).once('SIGTERM', () => interrupted.abort());
  const folder = mkdtempSync(join(tmpdir(), 'offer-relay-crash-'));
  const again = [
    'npm run crash --',
    `--kills ${kills}`,
    `--seed ${seed}`,
    ...(at.length > 0 ? [`--at ${at.join()}`] : []),
  ];
  console.log(`${offerStatus.name}: ${kills} kills with seed ${seed}, in ${folder}`);
  let clean = false;
  try {
    const { checks, ...done } = await runCrashes(offerStatus, {
      kills,
      seed,
      at,
      folder,
      signal: interrupted.signal,
      tell: (line) => console.log(line),
    });
    clean = isClean(checks);
    writeFileSync(join(folder, 'findings.json'), JSON.stringify({ seed, at, ...done, checks }, null, 2));
    const { stalls, missed, idle } = done;
    console.log(
      `\n${done.kills} kills, of which ${idle} found nothing in flight, and ${stalls} stalls; ` +
        `${missed} moments that were waited for in vain\n`,
    );
    for (const line of reportLines(checks)) console.log(line);
  } catch (error) {
    if (!interrupted.signal.aborted) console.error(error);
  } finally {
    if (interrupted.signal.aborted || (clean && !keep)) rmSync(folder, { recursive: true, force: true });
    else console.log(`\nThe data is in ${folder}.`);
  }
  if (interrupted.signal.aborted) {
    console.log('Interrupted; nothing is left behind.');
    return 130;
  }
  console.log(clean ? '\nok' : `\nFAILED. Again: ${again.join(' ')}`);
  return clean ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
