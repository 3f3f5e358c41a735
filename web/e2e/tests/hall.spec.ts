import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join as pathJoin, resolve } from 'node:path';
import { expect, test } from '../support/fixtures.ts';
import { joinButton } from '../support/pages.ts';
import { Person } from '../support/people.ts';
import { Server, sleep } from '../support/server.ts';

/** The tone that the synthetic speakers of `tone-700.opus` send. */
const TONE = 700;
/** `make hall` makes it a thousand for ten minutes. */
const LISTENERS = Number(process.env.HUBBUB_HALL_LISTENERS ?? 80);
const SECONDS = Number(process.env.HUBBUB_HALL_SECONDS ?? 10);
/** Beside the two browsers, which are muted. */
const SPEAKERS = 3;
/** From so many on a call has peers on several workers. */
const SPREAD_FROM = 64;
/** Packets that may be under way when counting ends: half a second of every speaker's. */
const UNDER_WAY = SPEAKERS * 25;
const LOADTEST =
  process.env.HUBBUB_LOADTEST_BIN ??
  pathJoin(
    dirname(process.env.HUBBUB_BIN ?? resolve(import.meta.dirname, '../../../target/debug/hubbub')),
    'hubbub-loadtest',
  );

test('in a hall of synthetic peers two browsers hear the speakers', async ({ name }) => {
  test.setTimeout((SECONDS + 300) * 1000);
  const server = await Server.start({ HUBBUB__LOG__FILTER: 'warn', HUBBUB__MEDIA__WORKERS: '2' });
  try {
    const [ada, bo] = [await server.user(name('ada')), await server.user(name('bo'))];
    const room = await server.room(ada, 'Hall', { maxParticipants: LISTENERS + 10 });
    const accounts = server.path('accounts.json');
    server.admin('users', 'create', '--prefix', 'hall', '--count', String(LISTENERS + SPEAKERS), '--json', accounts);
    const scenario = server.path('hall.toml');
    const tone = resolve(import.meta.dirname, '../support/tone-700.opus');
    writeFileSync(
      scenario,
      `name = "Hall"\nspeakers = ${SPEAKERS}\nlisteners = ${LISTENERS}\nduration = "${SECONDS}s"\n` +
        `[rooms]\nid = "${room}"\n[talk]\naudio = ${JSON.stringify(tone)}\n[ramp]\njoins_per_second = 50\n`,
    );
    const words = ['run', scenario, '--url', server.url, '--accounts', accounts, '--metrics-url', server.metricsUrl];
    const people = [await Person.arrive(server, ada, 440), await Person.arrive(server, bo, 1000)];
    let report = '';
    try {
      for (const { page } of people) {
        await page.goto(`/rooms/${room}`);
        await page.getByRole('switch', { name: 'Join muted' }).click();
        await joinButton(page).click();
        await expect(page.getByTestId('connection')).toHaveAttribute('data-state', 'connected', { timeout: 30_000 });
      }
      const loadtest = spawn(LOADTEST, [...words, '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
      loadtest.stdout.on('data', (chunk: Buffer) => {
        report += chunk.toString();
      });
      const ended = new Promise<number | null>((done) => loadtest.once('exit', done));
      try {
        let heard = 0;
        // Those who speak are still there then.
        const over = Date.now() + SECONDS * 800;
        do {
          for (const person of people) await person.hears(TONE);
          heard += 1;
          await sleep(Math.min(15_000, SECONDS * 100));
        } while (Date.now() < over);
        console.log(`both browsers heard the tone each of ${heard} times`);
        expect(await ended).toBe(0);
      } finally {
        loadtest.kill();
      }
    } finally {
      await Promise.all(people.map((person) => person.leave()));
    }
    const { peers, media } = JSON.parse(report);
    console.log(JSON.stringify({ peers, media }));
    expect(peers).toMatchObject({ connected: LISTENERS + SPEAKERS, failed: 0, lost: 0, silent: 0, starved: 0 });
    if (process.env.HUBBUB_HALL_LISTENERS) expect(media.packetsLost).toBe(0);
    // A stream that stops, or never begins, is no loss. Every packet is heard by the listeners and the other speakers.
    const hearers = LISTENERS + SPEAKERS - 1;
    const came = media.packetsReceived + media.packetsLost;
    expect(came).toBeGreaterThanOrEqual(0.999 * (media.packetsSent - UNDER_WAY) * hearers);
    if (LISTENERS + SPEAKERS > SPREAD_FROM) {
      expect(await server.metric('hubbub_sfu_relayed_in_total')).toBeGreaterThan(0);
    }
  } finally {
    await server.stop();
  }
});
