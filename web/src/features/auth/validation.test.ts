import { describe, expect, it } from 'vitest';
import { rememberRegistration, takePassword } from './pending';
import { emailError, passwordError, passwordRules, usernameError } from './validation';

describe('what is typed', () => {
  it.each(['ada@example.org', ' ada@localhost ', "o'hara+x@a-b.example"])('accepts the address %s', (email) => {
    expect(emailError(email)).toBeUndefined();
  });

  it.each(['', 'ada', '@example.org', 'ada@', 'a b@example.org'])('refuses the address %s', (email) => {
    expect(emailError(email)).toBeTruthy();
  });

  it.each(['ada', 'Ada_Lovelace', 'жанна', '花子さん', 'a.b-c_9'])('accepts the username %s', (name) => {
    expect(usernameError(name)).toBeUndefined();
  });

  it.each(['', 'ab', '-ada', 'ada lovelace', 'ada<b>', 'a'.repeat(33)])('refuses the username %s', (name) => {
    expect(usernameError(name)).toBeTruthy();
  });

  it('counts the characters of a password as people do', () => {
    const limits = { min: 8, max: 128 };
    expect(passwordError('🐘🐘🐘🐘', limits)).toBeTruthy();
    expect(passwordError('🐘🐘🐘🐘🐘🐘🐘🐘', limits)).toBeUndefined();
    expect(passwordError('a'.repeat(129), limits)).toBeTruthy();
  });

  it('ticks the rules off one by one', () => {
    const rules = (password: string) => passwordRules(password, 8, 'ada@example.org', 'countess');
    expect(rules('')).toEqual({ length: false, different: false, varied: false });
    expect(rules('aaaaaaaa')).toEqual({ length: true, different: true, varied: false });
    expect(rules('Countess')).toEqual({ length: true, different: false, varied: true });
    expect(rules('correct horse')).toEqual({ length: true, different: true, varied: true });
  });
});

it('the password of a registration is given out once, and to its own address only', () => {
  rememberRegistration('ada@example.org', 'secret');
  expect(takePassword('eve@example.org')).toBeNull();
  rememberRegistration('ada@example.org', 'secret');
  expect(takePassword(' ADA@example.org')).toBe('secret');
  expect(takePassword('ada@example.org')).toBeNull();
});
