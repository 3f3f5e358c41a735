/** The ICE servers of `GET /api/ice-servers`, kept for as long as their credentials are good. */

interface Answer {
  iceServers: RTCIceServer[];
  ttlSeconds: number;
}

/** Used up to this part of their time: whoever has just got them can still open a relay with them, and refresh it. */
const USED = 0.8;

export interface IceServers {
  /** Those that are good for a while, asked for when there are none. */
  get: () => Promise<RTCIceServer[]>;
  /** Milliseconds until others are to be had; `null` when there is nothing that runs out. */
  freshFor: () => number | null;
}

export function createIceServers(ask: () => Promise<Answer>): IceServers {
  let known: { list: RTCIceServer[]; until: number } | null = null;
  return {
    async get() {
      if (!known || known.until <= Date.now()) {
        const asked = Date.now();
        const { iceServers: list, ttlSeconds } = await ask();
        known = { list, until: asked + ttlSeconds * 1000 * USED };
      }
      return known.list;
    },
    freshFor() {
      if (!known?.list.some((server) => server.credential !== undefined)) return null;
      return Math.max(0, known.until - Date.now());
    },
  };
}
