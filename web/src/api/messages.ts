import { text } from '@/lib/text';
import { ApiProblem, NetworkError } from './problem';

/** What to tell people about an error of a request. */
export function messageOf(error: unknown): string {
  if (error instanceof NetworkError) return text.errors.network;
  if (!(error instanceof ApiProblem)) return text.errors.unknown;
  if (error.code === 'rate-limited') return text.errors.rateLimited(error.retryAfter);
  return text.errors.codes[error.code] ?? (error.status < 500 ? error.message : text.errors.unknown);
}
