import type { components } from './schema';

type Schemas = components['schemas'];

/** The person logged in. */
export type Me = Schemas['Me'];
export type Room = Schemas['Room'];
export type RoomDetails = Schemas['RoomWithParticipants'];
export type RoomPage = Schemas['RoomList'];
export type Invite = Schemas['Invite'];
export type IceServers = Schemas['IceServers'];
export type ServerInfo = Schemas['ServerInfo'];
export type AdminUser = Schemas['AdminUserRow'];
export type AdminUserPage = Schemas['AdminUserList'];
export type AdminUserChange = Schemas['AdminUpdateUser'];
export type LiveRoom = Schemas['LiveRoomRow'];
export type LiveRoomList = Schemas['LiveRoomList'];
export type LiveRoomPage = Schemas['LiveRoomDetails'];
export type LivePeer = Schemas['LivePeerRow'];
export type AuditEntry = Schemas['AuditRow'];
export type AuditPage = Schemas['AuditPage'];

/** What the owner decides about a room. */
export type RoomFields = Pick<Room, 'name' | 'description' | 'isPrivate' | 'maxParticipants'> & {
  /** Without it a new room forwards as many speakers as the server does, and another one stays as it is. */
  maxForwardedSpeakers?: number;
};
