// Imported with `--import` before anything else, so that it is plain JavaScript that any Node since 20 can read.
const [major] = process.versions.node.split('.').map(Number);

if (major < 24) {
  console.error(
    [
      `Offer Relay runs on Node 24 or later, and this is Node ${process.versions.node} (${process.execPath}).`,
      '',
      'The project brings its own Node for Linux (x64, arm64) and Windows (x64):',
      '  1. run `npm ci` in the project folder, without --omit=optional;',
      '  2. start everything through npm: `npm start`, `npm test`, `npx cdk synth`.',
      'On any other platform install Node 24 (https://nodejs.org) and run `npm ci` again.',
    ].join('\n'),
  );
  process.exit(1);
}
