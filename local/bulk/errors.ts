/** A file that cannot be read or understood: shown without a stack trace, exit code 1. */
export class InputError extends Error {
  override readonly name = 'InputError';
}

/** A stack that cannot be found, reached or used: shown without a stack trace, exit code 1. */
export class TargetError extends Error {
  override readonly name = 'TargetError';
}
