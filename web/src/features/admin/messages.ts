import { messageOf } from '@/api/messages';
import { ApiProblem } from '@/api/problem';
import { adminText } from '@/lib/admin-text';

/** What to tell an admin about an error of a request. */
export function adminMessageOf(error: unknown): string {
  return (error instanceof ApiProblem && adminText.errors[error.code]) || messageOf(error);
}
