import { test as base } from '@playwright/test';
import { isTones } from '../support/ears.ts';
import { expect } from '../support/fixtures.ts';
import { join } from '../support/pages.ts';
import { Person } from '../support/people.ts';
import { Server } from '../support/server.ts';

base('after kill -9 and a restart the same pages hear each other within 10 seconds', async () => {
  base.setTimeout(150_000);
  const server = await Server.start();
  const people: Person[] = [];
  try {
    const [ada, bo] = [await server.user('ada'), await server.user('bob')];
    const room = await server.room(ada, 'Phoenix');
    const a = await Person.arrive(server, ada, 440);
    people.push(a);
    const b = await Person.arrive(server, bo, 1000);
    people.push(b);
    await join(a.page, room);
    await join(b.page, room);
    await a.hears(1000);
    await b.hears(440);
    for (const { page } of people) await page.evaluate(() => Object.assign(window, { notReloaded: true }));

    await server.kill();
    await expect(a.page.getByTestId('connection')).not.toHaveAttribute('data-state', 'connected', { timeout: 20_000 });
    await server.run();
    const back = Date.now();
    const hear = async (person: Person, hertz: number) => {
      // A peer connection that still plays what it had buffered must not count: the engine has made a new one.
      while (!isTones(await person.listen(400), hertz)) {
        if (Date.now() - back > 10_000) throw new Error(`${person.user.name} does not hear ${hertz} Hz within 10 s`);
      }
    };
    await Promise.all([hear(a, 1000), hear(b, 440)]);
    for (const { page } of people) {
      expect(await page.evaluate(() => 'notReloaded' in window)).toBe(true);
    }
  } finally {
    await Promise.all(people.map((person) => person.leave()));
    await server.stop();
  }
});
