import { fetchMe } from './endpoints';
import { ApiProblem } from './problem';

/** Whether the login still holds; renews it on the way if need be. */
export async function checkLogin(): Promise<'valid' | 'expired' | 'unknown'> {
  try {
    await fetchMe();
    return 'valid';
  } catch (error) {
    return error instanceof ApiProblem && error.status === 401 ? 'expired' : 'unknown';
  }
}
