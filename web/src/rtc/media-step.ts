import type { MediaStep } from '@/protocol/generated';

/** Which step a connection stands at that is not connected: addresses before keys. */
export function stepOf(pc: Pick<RTCPeerConnection, 'iceConnectionState'>): MediaStep {
  return pc.iceConnectionState === 'connected' || pc.iceConnectionState === 'completed' ? 'dtls' : 'ice';
}
