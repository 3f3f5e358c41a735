import { afterEach, expect, it, vi } from 'vitest';
import { preferRedundancy, withNack } from './loss-protection';

const codec = (mimeType: string) => ({ mimeType, clockRate: 48000, channels: 2 });

afterEach(() => vi.unstubAllGlobals());

function transceiver() {
  return { setCodecPreferences: vi.fn() } as unknown as RTCRtpTransceiver & {
    setCodecPreferences: ReturnType<typeof vi.fn>;
  };
}

it('puts redundant audio first and keeps the rest', () => {
  const codecs = [codec('audio/opus'), codec('audio/RED'), codec('audio/PCMU')];
  vi.stubGlobal('RTCRtpReceiver', { getCapabilities: () => ({ codecs }) });
  const changed = transceiver();
  preferRedundancy(changed);
  expect(changed.setCodecPreferences.mock.calls).toEqual([[[codecs[1], codecs[0], codecs[2]]]]);
});

it('leaves browsers without redundant audio alone', () => {
  const untouched = transceiver();
  preferRedundancy(untouched);
  vi.stubGlobal('RTCRtpReceiver', { getCapabilities: () => ({ codecs: [codec('audio/opus')] }) });
  preferRedundancy(untouched);
  expect(untouched.setCodecPreferences).not.toHaveBeenCalled();
});

it('asks for retransmission of Opus in each m-line with redundant audio, once', () => {
  const audio = (mid: number) =>
    `m=audio 9 UDP/TLS/RTP/SAVPF 63 111\r\na=mid:${mid}\r\na=rtpmap:63 red/48000/2\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\n`;
  const firefox = 'm=audio 9 UDP/TLS/RTP/SAVPF 109\r\na=rtpmap:109 opus/48000/2\r\n';
  const offer = `v=0\r\ns=-\r\n${audio(0)}${firefox}${audio(1)}`;
  const asked = withNack(offer);
  expect(asked.match(/a=rtcp-fb:111 nack\r\n/g)).toHaveLength(2);
  expect(asked.replaceAll('a=rtcp-fb:111 nack\r\n', '')).toBe(offer);
  expect(asked).toContain('a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 nack\r\na=fmtp:111');
  expect(withNack(asked)).toBe(asked);
});
