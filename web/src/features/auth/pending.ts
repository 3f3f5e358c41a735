/**
 * The registration that waits for its code. It lives in memory only, so that a confirmed address can be logged in
 * without typing the password again, and is gone with the page.
 */
let pending: { email: string; password: string } | null = null;

export function rememberRegistration(email: string, password: string): void {
  pending = { email, password };
}

/** The password of the registration with this address, once. */
export function takePassword(email: string): string | null {
  const password =
    pending && pending.email.trim().toLowerCase() === email.trim().toLowerCase() ? pending.password : null;
  pending = null;
  return password;
}
