import { expect, test } from '../support/fixtures.ts';
import { join, participants } from '../support/pages.ts';

test('people hear each other, and only each other', async ({ server, arrive, name }) => {
  test.setTimeout(180_000);
  const [ada, bo, cleo, stranger] = [
    await server.user(name('ada')),
    await server.user(name('bo')),
    await server.user(name('cleo')),
    await server.user(name('stranger')),
  ];
  const room = await server.room(ada, 'Harbour');
  const elsewhere = await server.room(ada, 'Somewhere else');
  const a = await arrive(ada, 440);
  const b = await arrive(bo, 1000);
  await join(a.page, room);
  await join(b.page, room);

  await test.step('two hear each other', async () => {
    await a.hears(1000);
    await b.hears(440);
    await expect(a.page.locator('[data-speaking="true"][data-participant]')).toHaveCount(2);
  });

  await test.step('a stranger in another room hears nothing', async () => {
    const s = await arrive(stranger, 2000);
    await join(s.page, elsewhere);
    await s.hearsNothing();
    await a.hears(1000);
    await s.leave();
  });

  await test.step('the button mutes and unmutes', async () => {
    await a.page.getByRole('button', { name: 'Mute', exact: true }).click();
    await b.hearsNothing();
    await expect(b.page.locator('[data-participant][data-muted="true"]')).toHaveCount(1);
    await a.page.getByRole('button', { name: 'Unmute', exact: true }).click();
    await b.hears(440);
  });

  await test.step('the key M mutes and unmutes', async () => {
    await a.page.locator('h1').click();
    await a.page.keyboard.press('m');
    await b.hearsNothing();
    await a.page.keyboard.press('m');
    await b.hears(440);
  });

  await test.step('the owner mutes somebody for everybody', async () => {
    await a.page.getByRole('button', { name: `Actions for ${bo.name}` }).click();
    await a.page.getByRole('menuitem', { name: 'Mute for everybody' }).click();
    await a.hearsNothing();
    await a.page.getByRole('button', { name: `Actions for ${bo.name}` }).click();
    await a.page.getByRole('menuitem', { name: 'Allow to speak' }).click();
    await expect(b.page.getByText('You may speak again.', { exact: false }).first()).toBeVisible();
    await a.hearsNothing();
    await b.page.getByRole('button', { name: 'Unmute', exact: true }).click();
    await a.hears(1000);
  });

  await test.step('a third hears both', async () => {
    const c = await arrive(cleo, 2500);
    await join(c.page, room);
    await expect(participants(c.page)).toHaveCount(3);
    await c.hears(440, 1000);
    await a.hears(1000, 2500);
    await c.page.getByRole('button', { name: 'Leave' }).click();
    await expect(participants(a.page)).toHaveCount(2);
    await a.hears(1000);
  });
});

test('joining muted is not heard until unmuted', async ({ server, arrive, name }) => {
  const [ada, bo] = [await server.user(name('ada')), await server.user(name('bo'))];
  const room = await server.room(ada, 'Quiet');
  const a = await arrive(ada, 440);
  const b = await arrive(bo, 1000);
  await join(b.page, room);
  await a.page.goto(`/rooms/${room}`);
  await a.page.getByRole('switch', { name: 'Join muted' }).click();
  await a.page.getByRole('button', { name: 'Join', exact: true }).click();
  await a.hears(1000);
  await b.hearsNothing();
  await a.page.getByRole('button', { name: 'Unmute', exact: true }).click();
  await b.hears(440);
});
