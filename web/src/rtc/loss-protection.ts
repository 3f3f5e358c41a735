/**
 * What a browser can do against lost packets and does only when it is asked: redundant audio (RFC 2198) and generic NACK
 * for audio (RFC 4585). Both are WebRTC's own in Chromium and Safari; Firefox has neither and is left as it is.
 */

/** Puts redundant audio before all other codecs of a transceiver, for both directions. */
export function preferRedundancy(transceiver: RTCRtpTransceiver): void {
  const codecs = globalThis.RTCRtpReceiver?.getCapabilities?.('audio')?.codecs ?? [];
  const isRedundant = (codec: RTCRtpCodec) => codec.mimeType.toLowerCase() === 'audio/red';
  const first = codecs.filter(isRedundant);
  if (first.length === 0) return;
  transceiver.setCodecPreferences([...first, ...codecs.filter((codec) => !isRedundant(codec))]);
}

/**
 * The offer with generic NACK for Opus in every m-line with redundant audio, as there is no other way to ask for it. The rest of the
 * offer stays as it was.
 */
export function withNack(sdp: string): string {
  const sections = sdp.split(/^(?=m=)/m);
  return sections.map((section) => (/^a=rtpmap:\d+ red\/48000/im.test(section) ? nackFor(section) : section)).join('');
}

function nackFor(section: string): string {
  const opus = /^a=rtpmap:(\d+) opus\/48000\/2\r?\n/im.exec(section);
  if (!opus) return section;
  const [line, payloadType] = opus;
  const lineEnd = line.endsWith('\r\n') ? '\r\n' : '\n';
  const nack = `a=rtcp-fb:${payloadType} nack${lineEnd}`;
  return section.includes(nack) ? section : section.replace(line, line + nack);
}
