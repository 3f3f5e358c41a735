/** The pages behind the login, each fetched when it is first wanted. */
export const pages = {
  rooms: () => import('./routes/rooms'),
  newRoom: () => import('./routes/new-room'),
  room: () => import('./routes/room'),
  invite: () => import('./routes/invite'),
  settings: () => import('./routes/settings'),
  connectionTest: () => import('./routes/connection-test'),
};

/**
 * Fetches all of them, so that a network that is gone for a while, or a server that was updated, does not end a call
 * with a page that cannot be loaded.
 */
export function preloadPages(): void {
  // A page that did not come is asked for again when somebody goes there.
  void Promise.allSettled(Object.values(pages).map((load) => load()));
}
