import { describe, expect, it } from 'vitest';
import type { AdminUser } from '@/api/types';
import { userActions } from './user-actions';

const user: AdminUser = {
  id: '1',
  email: 'ada@example.org',
  emailVerified: true,
  username: 'ada',
  displayName: 'Ada',
  avatarUrl: '',
  role: 'member',
  blockedAt: null,
  createdAt: '2026-11-21T10:00:00.000000Z',
  lastLoginAt: null,
  sessions: 1,
  rooms: 0,
};

const keys = (change: Partial<AdminUser>, isMe = false) =>
  userActions({ ...user, ...change }, isMe, () => undefined).map((action) => action.key);

describe('what an admin may do to a user', () => {
  it('is what makes sense for them', () => {
    expect(keys({})).toEqual(['audit', 'grant', 'end-sessions', 'block']);
    expect(keys({ role: 'admin', sessions: 0 })).toEqual(['audit', 'revoke', 'block']);
    expect(keys({ emailVerified: false, sessions: 0 })).toEqual(['audit', 'verify', 'block']);
    expect(keys({ blockedAt: '2026-11-21T10:00:00.000000Z', sessions: 0 })).toEqual(['audit', 'grant', 'unblock']);
  });

  it('shuts nobody out of their own account', () => {
    expect(keys({ role: 'admin' }, true)).toEqual(['audit', 'end-sessions']);
  });
});
