// mediasoup under test: one worker, one WebRtcServer (so that all share a port), a router a room. Peers are connected by lines
// of JSON over TCP, each answered by one: {"id", "room", "fingerprint", "ssrc"} publishes, without "ssrc" it subscribes to all
// who speak in the room but "except".
import { createServer } from "node:net";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [folder, signalingPort, mediaPort] = process.argv.slice(2);
const { createWorker } = createRequire(`${folder}/`)("mediasoup");

const OPUS = {
  kind: "audio",
  mimeType: "audio/opus",
  clockRate: 48000,
  channels: 2,
  preferredPayloadType: 111,
  parameters: { useinbandfec: 1 },
};
const BUFFER = 4 * 1024 * 1024;
const worker = await createWorker({ logLevel: "error" });
const webRtcServer = await worker.createWebRtcServer({
  listenInfos: [
    { protocol: "udp", ip: "127.0.0.1", port: Number(mediaPort), sendBufferSize: BUFFER, recvBufferSize: BUFFER },
  ],
});
const rooms = new Map();

function roomOf(number) {
  if (!rooms.has(number)) {
    rooms.set(
      number,
      worker.createRouter({ mediaCodecs: [OPUS] }).then((router) => ({ router, producers: new Map() })),
    );
  }
  return rooms.get(number);
}

async function connect({ room: number, fingerprint, ssrc, except }) {
  const room = await roomOf(number);
  const transport = await room.router.createWebRtcTransport({ webRtcServer });
  await transport.connect({
    dtlsParameters: { role: "client", fingerprints: [{ algorithm: "sha-256", value: fingerprint }] },
  });
  const streams = [];
  let producer;
  if (ssrc === undefined) {
    for (const id of room.producers.keys()) {
      if (id === except) continue;
      // A listener that knows Opus and no header extension, which is what costs least.
      const rtpCapabilities = { codecs: [{ ...OPUS, preferredPayloadType: 111 }], headerExtensions: [] };
      const consumer = await transport.consume({ producerId: id, rtpCapabilities });
      streams.push({ mid: consumer.rtpParameters.mid, opus: consumer.rtpParameters.codecs[0].payloadType });
    }
  } else {
    const { kind, preferredPayloadType: payloadType, ...codec } = OPUS;
    const made = await transport.produce({
      kind,
      rtpParameters: { mid: "0", codecs: [{ ...codec, payloadType }], encodings: [{ ssrc }], rtcp: { cname: "loadtest" } },
    });
    producer = made.id;
    room.producers.set(producer, made);
    streams.push({ mid: "0", opus: payloadType });
  }
  const { usernameFragment, password } = transport.iceParameters;
  return {
    ufrag: usernameFragment,
    password,
    fingerprint: transport.dtlsParameters.fingerprints.find(({ algorithm }) => algorithm === "sha-256").value,
    address: `127.0.0.1:${mediaPort}`,
    producer,
    streams,
  };
}

createServer((socket) => {
  socket.setNoDelay(true);
  const say = (line) => socket.write(`${JSON.stringify(line)}\n`);
  say({ worker: worker.pid });
  createInterface({ input: socket }).on("line", (line) => {
    const request = JSON.parse(line);
    connect(request).then(
      (answer) => say({ id: request.id, ...answer }),
      (error) => say({ id: request.id, error: String(error) }),
    );
  });
}).listen(Number(signalingPort), "127.0.0.1");
