/** What admins of the server ask for. A file of its own: nobody else loads it. */
import { body, client } from './endpoints';
import type { AdminUser, AdminUserChange, AdminUserPage, AuditPage, LiveRoomList, LiveRoomPage } from './types';

export type UserState = 'admin' | 'blocked' | 'unverified';

export interface UserQuery {
  search: string;
  state: UserState | null;
}

export const listUsers = (query: UserQuery, cursor: string | null, signal: AbortSignal): Promise<AdminUserPage> =>
  body(
    client.GET('/api/admin/users', {
      params: {
        query: {
          ...(query.search && { search: query.search }),
          ...(query.state && { state: query.state }),
          ...(cursor && { cursor }),
        },
      },
      signal,
    }),
  );

export const getUser = (id: string, signal: AbortSignal): Promise<AdminUser> =>
  body(client.GET('/api/admin/users/{id}', { params: { path: { id } }, signal }));

export const changeUser = (id: string, change: AdminUserChange): Promise<AdminUser> =>
  body(client.PATCH('/api/admin/users/{id}', { params: { path: { id } }, body: change }));

export const endSessions = (id: string): Promise<AdminUser> =>
  body(client.POST('/api/admin/users/{id}/end-sessions', { params: { path: { id } } }));

export const listLiveRooms = (signal: AbortSignal): Promise<LiveRoomList> =>
  body(client.GET('/api/admin/rooms', { signal }));

export const getLiveRoom = (id: string, limit: number, signal: AbortSignal): Promise<LiveRoomPage> =>
  body(client.GET('/api/admin/rooms/{id}', { params: { path: { id }, query: { limit } }, signal }));

export async function closeRoom(id: string): Promise<void> {
  await client.POST('/api/admin/rooms/{id}/close', { params: { path: { id } } });
}

export async function deleteAnyRoom(id: string): Promise<void> {
  await client.DELETE('/api/admin/rooms/{id}', { params: { path: { id } } });
}

export async function kick(participantId: string): Promise<void> {
  await client.DELETE('/api/admin/participants/{id}', { params: { path: { id: participantId } } });
}

export async function setMuted(participantId: string, muted: boolean): Promise<void> {
  await client.PATCH('/api/admin/participants/{id}', { params: { path: { id: participantId } }, body: { muted } });
}

export interface AuditQuery {
  search: string;
  action: string | null;
  user: string | null;
}

export const listAudit = (query: AuditQuery, cursor: string | null, signal: AbortSignal): Promise<AuditPage> =>
  body(
    client.GET('/api/admin/audit', {
      params: {
        query: {
          ...(query.search && { search: query.search }),
          ...(query.action && { action: query.action }),
          ...(query.user && { user: query.user }),
          ...(cursor && { cursor }),
        },
      },
      signal,
    }),
  );
