/**
 * Stands in for `node:process` in the bundles. Importing that module makes Node read every lazy property of the global
 * object once, which takes longer than loading an SDK client; the SDK wants these two.
 */
export const { env, versions } = globalThis.process;
export default globalThis.process;
