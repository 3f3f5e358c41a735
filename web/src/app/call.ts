import { checkLogin } from '@/api/check-login';
import { getIceServers } from '@/api/endpoints';
import { session } from '@/api/session';
import { CallEngine } from '@/rtc/call-engine';
import { createIceServers } from '@/rtc/ice-servers';
import { preloadPages } from './pages';

export const signalingUrl = () =>
  `${window.location.protocol === 'https:' ? 'wss' : 'ws'}://${window.location.host}/ws`;

/** The one call of this tab. It outlives the page it was begun on: people may look around while they talk. */
export const call = new CallEngine({
  signalingUrl,
  checkLogin,
  iceServers: createIceServers(getIceServers),
});

// Closing the tab frees the seat at once, instead of after the time a lost connection is given.
window.addEventListener('pagehide', () => call.leave());
call.store.subscribe((now, before) => {
  if (now.phase === 'in-call' && before.phase !== 'in-call') preloadPages();
});
session.subscribe((now) => {
  if (now.status === 'anonymous') call.leave();
});

declare global {
  interface Window {
    /** For looking into a call from outside, in tests and by the curious. Reading only. */
    __hubbub?: { peerConnection: () => RTCPeerConnection | null; state: () => unknown };
  }
}

window.__hubbub = { peerConnection: () => call.peerConnection, state: () => call.store.getState() };
