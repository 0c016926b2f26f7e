import { it } from 'vitest';
import { explore } from './explore.ts';
it('x', async () => {
  AbortSignal.timeout = () => new AbortController().signal;
  const t = performance.now();
  const r = await explore(Number(process.env.N ?? 1000), Number(process.env.SEED ?? 1));
  console.log(
    r.schedules,
    (performance.now() - t) / r.schedules,
    'ms each',
    JSON.stringify(r.counts),
    r.found?.at,
    r.found?.kinds,
    r.found?.story,
  );
}, 600000);
