/** Takes the picture in the README: `HUBBUB_PICTURE=1 npx playwright test picture`. Not part of the tests. */
import { resolve } from 'node:path';
import { expect, test } from '../support/fixtures.ts';
import { join, participants } from '../support/pages.ts';

test('the picture in the README', async ({ server, arrive }) => {
  test.setTimeout(120_000);
  const names = { ada: 'Ada Lovelace', grace: 'Grace Hopper', linus: 'Linus Pauling' };
  const users = [];
  for (const [name, displayName] of Object.entries(names)) {
    const user = await server.user(name);
    await server.patch('/api/users/me', { displayName }, user);
    users.push(user);
  }
  const room = await server.room(users[0], 'Harbour café', { description: 'Where ships and people meet.' });
  const people = [await arrive(users[0], 440), await arrive(users[1], 660), await arrive(users[2], 880)];
  for (const person of people) await join(person.page, room);
  await people[2].page.getByRole('button', { name: 'Mute', exact: true }).click();
  const { page } = people[1];
  await page.setViewportSize({ width: 1120, height: 640 });
  await expect(participants(page)).toHaveCount(3);
  await people[0].hears(660);
  await page.screenshot({ path: resolve(import.meta.dirname, '../../../docs/images/room.png') });
});
