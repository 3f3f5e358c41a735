/** One field of a request that the server refused. */
export interface FieldProblem {
  field: string;
  code: string;
  detail: string;
}

/** The server's answer was an error (RFC 9457). `code` is stable, the texts are for people. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';
  readonly status: number;
  readonly code: string;
  readonly fields: readonly FieldProblem[];
  /** When to try again, in seconds, if the server said so. */
  readonly retryAfter: number | null;

  constructor(status: number, body: unknown, retryAfter: number | null) {
    const problem = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
    super(typeof problem.detail === 'string' ? problem.detail : `The server answered ${status}.`);
    this.status = status;
    this.code = typeof problem.code === 'string' ? problem.code : 'unknown';
    this.fields = Array.isArray(problem.errors) ? (problem.errors as FieldProblem[]) : [];
    this.retryAfter = retryAfter;
  }
}

/** There was no answer: the server is down or the network is. */
export class NetworkError extends Error {
  override readonly name = 'NetworkError';

  constructor(cause?: unknown) {
    super('The server cannot be reached.', { cause });
  }
}

/** Whether the error is a problem with this code. */
export function isProblem(error: unknown, ...codes: string[]): error is ApiProblem {
  return error instanceof ApiProblem && codes.includes(error.code);
}

/** The `Retry-After` of an answer, in seconds. */
export function retryAfterOf(headers: Headers): number | null {
  const seconds = Number(headers.get('Retry-After') ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : null;
}
