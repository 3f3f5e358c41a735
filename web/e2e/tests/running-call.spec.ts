/** What changes while people are in a call. */
import { expect, test } from '../support/fixtures.ts';
import { join, participants } from '../support/pages.ts';

test('a microphone goes live again by its owner only, and new names are seen at once', async ({
  server,
  arrive,
  name,
}) => {
  const [ada, bo] = [await server.user(name('ada')), await server.user(name('bo'))];
  const room = await server.room(ada, 'Tea');
  const [owner, guest] = [await arrive(ada, 440), await arrive(bo, 660)];
  await join(owner.page, room);
  await join(guest.page, room);
  await expect(participants(owner.page)).toHaveCount(2);
  const ofBo = participants(owner.page).filter({ hasText: bo.name });
  await expect(ofBo).toHaveAttribute('data-speaking', 'true');

  const menu = async (item: string) => {
    await owner.page.getByRole('button', { name: `Actions for ${bo.name}` }).click();
    await owner.page.getByRole('menuitem', { name: item }).click();
  };
  await menu('Mute for everybody');
  await expect(ofBo.getByText('Muted by moderator')).toBeVisible();
  await menu('Allow to speak');
  await expect(guest.page.getByText('You may speak again. Unmute yourself when you are ready.')).toBeVisible();
  await expect(ofBo.getByText('Muted', { exact: true })).toBeVisible();
  await expect(ofBo).toHaveAttribute('data-muted', 'true');
  await guest.page.getByRole('button', { name: 'Unmute' }).click();
  await expect(ofBo).toHaveAttribute('data-speaking', 'true');

  await server.patch('/api/users/me', { displayName: 'Bobby Tables' }, bo);
  await expect(participants(owner.page).filter({ hasText: 'Bobby Tables' })).toHaveCount(1);

  await server.patch(`/api/rooms/${room}`, { isPrivate: true }, ada);
  await expect(guest.page.getByRole('heading', { name: 'This room was made private' })).toBeVisible();
  await expect(guest.page.getByRole('heading', { name: 'This room was made private' })).toBeFocused();
  await expect(participants(owner.page)).toHaveCount(1);
});

test('as many voices are heard as the room lets through, and a change counts at once', async ({
  server,
  arrive,
  name,
}) => {
  const users = [await server.user(name('ada')), await server.user(name('bo')), await server.user(name('cleo'))];
  const room = await server.room(users[0], 'One at a time', { maxForwardedSpeakers: 1 });
  const [listener, first, second] = [
    await arrive(users[0], 300),
    await arrive(users[1], 500),
    await arrive(users[2], 900),
  ];
  await join(listener.page, room);
  await listener.page.getByRole('button', { name: 'Mute', exact: true }).click();
  await join(first.page, room);
  await listener.hears(500);
  await join(second.page, room);
  await expect(participants(listener.page)).toHaveCount(3);
  await second.hears(500);
  await listener.hears(500);
  await server.patch(`/api/rooms/${room}`, { maxForwardedSpeakers: 2 }, users[0]);
  await listener.hears(500, 900);
});
