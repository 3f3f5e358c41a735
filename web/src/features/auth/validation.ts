import { text } from '@/lib/text';

/** What is wrong with an address, if anything. The server has the last word. */
export function emailError(email: string): string | undefined {
  if (!email.trim()) return text.fields.required;
  return /^[^\s@]{1,64}@[^\s@]{1,190}$/.test(email.trim()) ? undefined : text.fields.email;
}

/** What is wrong with a username, if anything. */
export function usernameError(username: string): string | undefined {
  const name = username.trim().normalize('NFKC');
  if (!name) return text.fields.required;
  if (!/^[\p{L}\p{N}][\p{L}\p{N}\p{M}_.-]*$/u.test(name)) return text.fields.usernameCharacters;
  const length = [...name].length;
  return length < 3 || length > 32 ? text.fields.usernameLength : undefined;
}

export interface PasswordRules {
  length: boolean;
  different: boolean;
  varied: boolean;
}

/** Which rules a new password keeps; shown while it is typed. */
export function passwordRules(password: string, min: number, email: string, username: string): PasswordRules {
  const lower = password.toLowerCase();
  const forbidden = [email, email.split('@')[0] ?? '', username]
    .map((part) => part.trim().toLowerCase())
    .filter(Boolean);
  return {
    length: [...password].length >= min,
    different: password !== '' && !forbidden.includes(lower),
    varied: new Set(password).size > 1,
  };
}

/** What is wrong with a new password, if anything. */
export function passwordError(password: string, limits: { min: number; max: number }): string | undefined {
  if (!password) return text.fields.required;
  const length = [...password].length;
  return length < limits.min || length > limits.max ? text.fields.passwordLength(limits.min, limits.max) : undefined;
}
