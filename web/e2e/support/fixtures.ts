/** What every test file starts from: a server for the file, and people who are sent home after each test. */
import { test as base } from '@playwright/test';
import { Person } from './people.ts';
import { Server, type User } from './server.ts';

interface PerTest {
  /** Somebody with a browser of their own whose microphone hears a tone. */
  arrive: (user: User, hertz: number) => Promise<Person>;
  /** A name that nobody else has. */
  name: (prefix: string) => string;
}

interface PerWorker {
  server: Server;
}

let names = 0;

export const test = base.extend<PerTest, PerWorker>({
  server: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the pattern
    async ({}, use) => {
      const server = await Server.start();
      await use(server);
      await server.stop();
    },
    { scope: 'worker' },
  ],
  baseURL: async ({ server }, use) => use(server.url),
  arrive: async ({ server }, use) => {
    const people: Person[] = [];
    await use(async (user, hertz) => {
      const person = await Person.arrive(server, user, hertz);
      people.push(person);
      return person;
    });
    await Promise.all(people.map((person) => person.leave()));
  },
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the pattern
  name: async ({}, use) => {
    await use((prefix) => `${prefix}${Date.now().toString(36)}${names++}`);
  },
});

export { expect } from '@playwright/test';
