const LOOK_EVERY_MS = 20;
/** Shorter ones are made up for by the depth that the pacer keeps back. */
const WORTH_TELLING_MS = 150;

/** Tells when this process has not been given the processor for a while; returns how to end that. */
export function watchPauses(onPause: (pause: { at: number; ms: number }) => void): () => void {
  let last = Date.now();
  const timer = setInterval(() => {
    const at = Date.now();
    const ms = at - last - LOOK_EVERY_MS;
    last = at;
    if (ms >= WORTH_TELLING_MS) onPause({ at, ms });
  }, LOOK_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}
