import createClient from 'openapi-fetch';
import { authorizedFetch } from './http';
import type { paths } from './schema';
import { setAnonymous, setMe } from './session';
import type { IceServers, Invite, Me, Room, RoomDetails, RoomFields, RoomPage, ServerInfo } from './types';

/** Typed by crates/api/openapi.json; `npm run generate` writes schema.d.ts anew. */
export const client = createClient<paths>({ baseUrl: window.location.origin, fetch: authorizedFetch });

/** The body of an answer. Answers that are errors were thrown by `authorizedFetch` before they come here. */
export async function body<T>(answer: Promise<{ data?: T }>): Promise<T> {
  const { data } = await answer;
  return data as T;
}

// Accounts

export const register = (account: { email: string; username: string; password: string }) =>
  body(client.POST('/api/auth/register', { body: account }));

export const verifyEmail = (proof: { email: string; code: string }) =>
  body(client.POST('/api/auth/email/verify', { body: proof }));

export const resendVerification = (email: string) =>
  body(client.POST('/api/auth/email/resend-verification', { body: { email } }));

export async function login(credentials: { email: string; password: string }): Promise<Me> {
  const { user } = await body(client.POST('/api/auth/login', { body: credentials }));
  setMe(user);
  return user;
}

export async function logout(): Promise<void> {
  await client.POST('/api/auth/logout', { body: {} });
  setAnonymous('logout');
}

export const fetchMe = (): Promise<Me> => remember(body(client.GET('/api/auth/me')));

export const updateProfile = (patch: { displayName: string; username: string; bio: string }): Promise<Me> =>
  remember(body(client.PATCH('/api/users/me', { body: patch })));

export const uploadAvatar = (image: Blob): Promise<Me> =>
  remember(
    body(
      client.PUT('/api/users/me/avatar', {
        // The schema describes the image as a string of bytes; it is sent as it is.
        body: image as unknown as string,
        bodySerializer: () => image,
        headers: { 'Content-Type': image.type },
      } as never),
    ),
  );

export const removeAvatar = (): Promise<Me> => remember(body(client.DELETE('/api/users/me/avatar')));

async function remember(answer: Promise<Me>): Promise<Me> {
  const me = await answer;
  setMe(me);
  return me;
}

// Rooms

export const listRooms = (query: { search: string; cursor: string | null }, signal: AbortSignal): Promise<RoomPage> =>
  body(
    client.GET('/api/rooms', {
      params: {
        query: {
          limit: 30,
          ...(query.search && { search: query.search }),
          ...(query.cursor && { cursor: query.cursor }),
        },
      },
      signal,
    }),
  );

export const getRoom = (id: string, signal: AbortSignal): Promise<RoomDetails> =>
  body(client.GET('/api/rooms/{id}', { params: { path: { id } }, signal }));

export const createRoom = (fields: RoomFields): Promise<Room> => body(client.POST('/api/rooms', { body: fields }));

export const updateRoom = (id: string, fields: RoomFields): Promise<Room> =>
  body(client.PATCH('/api/rooms/{id}', { params: { path: { id } }, body: fields }));

export async function deleteRoom(id: string): Promise<void> {
  await client.DELETE('/api/rooms/{id}', { params: { path: { id } } });
}

export const createInvite = (
  roomId: string,
  terms: { expiresInSeconds: number; maxUses: number | null },
): Promise<Invite> => body(client.POST('/api/rooms/{id}/invites', { params: { path: { id: roomId } }, body: terms }));

export const acceptInvite = (token: string): Promise<Room> =>
  body(client.POST('/api/invites/{token}/accept', { params: { path: { token } } }));

// The server

export const getIceServers = (): Promise<IceServers> => body(client.GET('/api/ice-servers'));

export const getServerInfo = (): Promise<ServerInfo> => body(client.GET('/api/server'));
