import type { ErrorCode } from '@/protocol/generated';

/** The server refused a request; `code` is stable, the message is for people. */
export class SignalingError extends Error {
  override readonly name = 'SignalingError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** The socket went away before the answer came. Whether the server acted on the request is not known. */
export class ConnectionLostError extends Error {
  override readonly name = 'ConnectionLostError';

  constructor() {
    super('The connection to the server was lost.');
  }
}

/** The server did not answer in time. */
export class RequestTimeoutError extends Error {
  override readonly name = 'RequestTimeoutError';

  constructor(type: string) {
    super(`The server did not answer "${type}" in time.`);
  }
}
