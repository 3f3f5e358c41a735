/**
 * A bad network between a browser and the server's media port: a UDP relay that loses, delays and jitters datagrams both ways.
 *
 * It runs in a thread of its own, so that the test's own work does not delay packets. What happens to a datagram comes from a
 * seeded generator; when it happens is up to the machine.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Page } from '@playwright/test';

export interface Network {
  /** The share of the datagrams that is lost, each way. */
  loss: number;
  /** Milliseconds each way. */
  delay: number;
  /** Up to this many milliseconds are added to the delay. */
  jitter: number;
}

/** The way of one page's audio. */
export class Lossy {
  private readonly worker: Worker;

  private constructor(worker: Worker) {
    this.worker = worker;
  }

  /**
   * Leads a page's media through a bad network to the server's media port on this machine, from its next navigation on.
   * `plain` takes redundancy and retransmission out of what the browser offers.
   */
  static async lead(page: Page, server: number, network: Network, seed: number, plain = false): Promise<Lossy> {
    const worker = new Worker(new URL('./lossy-worker.mjs', import.meta.url), {
      workerData: { server, network, seed },
    });
    const [port] = await once(worker, 'message');
    await page.context().addInitScript(divert, { port, plain });
    return new Lossy(worker);
  }

  async stop(): Promise<void> {
    await this.worker.terminate();
  }
}

/** Runs in the page before its own scripts: answers lead to the relay instead of the server, over UDP only. */
function divert({ port, plain }: { port: number; plain: boolean }): void {
  const lead = (line: string) => {
    if (!line.startsWith('a=candidate:')) return [line];
    const words = line.split(' ');
    if (words[2] !== 'udp' || words[4].includes(':')) return [];
    words[5] = String(port);
    return [words.join(' ')];
  };
  const { setRemoteDescription, createOffer } = RTCPeerConnection.prototype;
  RTCPeerConnection.prototype.setRemoteDescription = function (
    this: RTCPeerConnection,
    description: RTCSessionDescriptionInit,
  ) {
    const sdp = (description.sdp ?? '').split('\r\n').flatMap(lead).join('\r\n');
    return (setRemoteDescription as (d: RTCSessionDescriptionInit) => Promise<void>).call(this, {
      ...description,
      sdp,
    });
  } as typeof setRemoteDescription;
  if (!plain) return;
  RTCPeerConnection.prototype.createOffer = async function (this: RTCPeerConnection) {
    const offer = await (createOffer as () => Promise<RTCSessionDescriptionInit>).call(this);
    const sdp = offer.sdp?.replace(/^a=(rtpmap|fmtp):63 .*\r\n/gm, '').replace(/^(m=audio .*) 63\b/gm, '$1');
    return { type: 'offer', sdp: sdp?.replace(/^(m=audio \d+ \S+) 63\b/gm, '$1') };
  } as typeof createOffer;
}
