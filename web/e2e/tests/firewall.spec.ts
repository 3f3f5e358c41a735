/** Networks that let little through: somebody in one is heard, and hears, all the same. */
import { Coturn } from '../support/coturn.ts';
import { expect, test } from '../support/fixtures.ts';
import { join } from '../support/pages.ts';
import { Person } from '../support/people.ts';
import { Server } from '../support/server.ts';

/** How the page's newest connection reaches the server. */
async function route(person: Person): Promise<{ local: string; protocol: string; port: number }> {
  return person.page.evaluate(async () => {
    const { pcs } = (window as unknown as { hubbubEars: { pcs: RTCPeerConnection[] } }).hubbubEars;
    const stats = [...((await pcs.at(-1)?.getStats())?.values() ?? [])];
    const transport = stats.find((report) => report.type === 'transport');
    const byId = (id: string) => stats.find((report) => report.id === id);
    const pair = byId(transport?.selectedCandidatePairId);
    const [local, remote] = [byId(pair?.localCandidateId), byId(pair?.remoteCandidateId)];
    return { local: local?.candidateType, protocol: remote?.protocol, port: remote?.port };
  });
}

/** Runs in the page: of the server's candidates only the one by TCP to `port` gets through. */
function onlyTcpTo(port: number): void {
  const prototype = RTCPeerConnection.prototype as unknown as {
    setRemoteDescription(this: RTCPeerConnection, description: RTCSessionDescriptionInit): Promise<void>;
  };
  const native = prototype.setRemoteDescription;
  prototype.setRemoteDescription = function (description) {
    const passes = (line: string) =>
      !line.startsWith('a=candidate:') || / tcp \d+ \S+ (\d+) /.exec(line)?.[1] === `${port}`;
    const sdp = (description.sdp ?? '').split('\r\n').filter(passes).join('\r\n');
    return native.call(this, { ...description, sdp });
  };
}

/** Runs in the page: nothing but relays is used. */
function onlyRelays(): void {
  const Native = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Native {
    constructor(configuration?: RTCConfiguration) {
      super({ ...configuration, iceTransportPolicy: 'relay' });
    }
  };
}

/** Ada, who is not hindered, and Bo, in whose pages `script` runs first, hear each other; how Bo reaches the server. */
async function conversation(server: Server, name: (prefix: string) => string, script: { content: string }) {
  const [ada, bo] = [await server.user(name('ada')), await server.user(name('bo'))];
  const room = await server.room(ada, 'Harbour');
  const a = await Person.arrive(server, ada, 440);
  const b = await Person.arrive(server, bo, 1000);
  try {
    await b.page.addInitScript(script);
    await join(a.page, room);
    await join(b.page, room);
    await a.hears(1000);
    await b.hears(440);
    return await route(b);
  } finally {
    await Promise.all([a.leave(), b.leave()]);
  }
}

test('somebody who reaches nothing but the HTTP port by TCP is heard', async ({ name }) => {
  const server = await Server.start({ HUBBUB__MEDIA__TCP_ON_HTTP_PORT: 'true' });
  try {
    const port = Number(new URL(server.url).port);
    const way = await conversation(server, name, { content: `(${onlyTcpTo})(${port})` });
    expect(way).toMatchObject({ protocol: 'tcp', port });
  } finally {
    await server.stop();
  }
});

test('somebody who reaches nothing but the HTTPS port by TCP is heard', async ({ name }) => {
  const server = await Server.startSecure({ HUBBUB__MEDIA__TCP_ON_HTTP_PORT: 'true' });
  try {
    const port = Number(new URL(server.url).port);
    const way = await conversation(server, name, { content: `(${onlyTcpTo})(${port})` });
    expect(way).toMatchObject({ protocol: 'tcp', port });
  } finally {
    await server.stop();
  }
});

for (const transport of ['udp', 'tcp']) {
  test(`somebody who reaches nothing but a TURN server by ${transport} is heard`, async ({ name }) => {
    const coturn = await Coturn.start();
    const server = await Server.start({
      HUBBUB__MEDIA__BIND: '127.0.0.1',
      HUBBUB__ICE__TURN_URLS: `turn:127.0.0.1:${coturn.port}?transport=${transport}`,
      HUBBUB__ICE__TURN_SECRET: coturn.secret,
    });
    try {
      const way = await conversation(server, name, { content: `(${onlyRelays})()` });
      expect(way.local).toBe('relay');
    } finally {
      await server.stop();
      coturn.stop();
    }
  });
}
