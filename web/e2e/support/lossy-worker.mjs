/** The thread of `lossy.ts`: carries datagrams between one browser and the server, badly. */
import { createSocket } from 'node:dgram';
import { parentPort, workerData } from 'node:worker_threads';

const { server, network, seed } = workerData;
const random = generator(seed);
const downstream = createSocket('udp4');
/** A socket for each address the browser sends from, so that the server can tell them apart. */
const upstreams = new Map();

downstream.on('message', (datagram, from) => {
  const name = `${from.address}:${from.port}`;
  let upstream = upstreams.get(name);
  if (!upstream) {
    upstream = createSocket('udp4');
    upstream.on('message', (answer) => carry(() => downstream.send(answer, from.port, from.address, ignore)));
    upstreams.set(name, upstream);
  }
  carry(() => upstream.send(datagram, server, '127.0.0.1', ignore));
});
downstream.bind(0, '0.0.0.0', () => parentPort.postMessage(downstream.address().port));

function carry(send) {
  const lost = random() < network.loss;
  const milliseconds = network.delay + network.jitter * random();
  if (!lost) setTimeout(send, milliseconds);
}

/** A port that nobody listens on any more is no fault of the network's. */
function ignore() {}

/** Numbers from 0 to 1 that a seed determines (mulberry32). */
function generator(start) {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
