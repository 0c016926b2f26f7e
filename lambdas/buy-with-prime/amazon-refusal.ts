import { RejectedError } from '../shared/errors.ts';

/** The types of errors that Buy with Prime documents ("Troubleshoot Order Errors", "Troubleshoot Delivery Preview Errors"). */
export const AMAZON_ERROR_TYPES = [
  'AccessDeniedError',
  'ConflictError',
  'InternalServerError',
  'ResourceNotFoundError',
  'ThrottlingError',
  'ValidationError',
] as const;
export type AmazonErrorType = (typeof AMAZON_ERROR_TYPES)[number];

/** Types by which Amazon says that a request is refused as it is: nothing has been done, and a repeat is refused as well. */
export type RefusalType = Extract<AmazonErrorType, 'ConflictError' | 'ResourceNotFoundError' | 'ValidationError'>;

/** Buy with Prime has understood the request and refuses it: nothing has been done. */
export class AmazonRefusal extends RejectedError {
  readonly type: RefusalType;
  /** Amazon's own code, such as AddressMismatch; empty where it gave none. */
  readonly reason: string;

  constructor(type: RefusalType, reason: string, message: string) {
    super(reason === '' ? type : reason, message, { status: 200, said: reason });
    this.type = type;
    this.reason = reason;
  }
}
