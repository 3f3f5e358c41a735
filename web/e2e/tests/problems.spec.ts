import { expect, test } from '../support/fixtures.ts';
import { join, joinButton, logIn } from '../support/pages.ts';
import { Server } from '../support/server.ts';

test('a private room tells strangers nothing', async ({ page, server, name }) => {
  const [ada, bo] = [await server.user(name('ada')), await server.user(name('bo'))];
  const room = await server.room(ada, 'Secret plans', { isPrivate: true });
  await logIn(page, bo);
  await page.goto(`/rooms/${room}`);
  await expect(page.getByRole('heading', { name: 'This room is private' })).toBeVisible();
  await expect(page.getByText('Secret plans')).toHaveCount(0);
  await page.goto('/rooms/0192f0c1-0000-7000-8000-000000000000');
  await expect(page.getByRole('heading', { name: 'This room does not exist' })).toBeVisible();
});

test('an invitation opens a private room', async ({ page, server, name }) => {
  const [ada, bo] = [await server.user(name('ada')), await server.user(name('bo'))];
  const room = await server.room(ada, 'By invitation', { isPrivate: true });
  const { body } = await server.ask('POST', `/api/rooms/${room}/invites`, {}, ada);
  await logIn(page, bo);
  await page.goto(new URL(body.url).pathname);
  await expect(page.getByRole('heading', { name: 'By invitation' })).toBeVisible();
  await expect(joinButton(page)).toBeVisible();
});

test('a full room says so', async ({ browser, server, name }) => {
  const users = [await server.user(name('ada')), await server.user(name('bo')), await server.user(name('cleo'))];
  const room = await server.room(users[0], 'Two seats', { maxParticipants: 2 });
  const contexts = await Promise.all(
    users.map(() => browser.newContext({ baseURL: server.url, permissions: ['microphone'] })),
  );
  const pages = await Promise.all(contexts.map((context) => context.newPage()));
  for (const [i, page] of pages.entries()) await logIn(page, users[i]);
  // The third looks at the room while there is a seat, and presses the button when there is none.
  await pages[2].goto(`/rooms/${room}`);
  await expect(joinButton(pages[2])).toBeVisible();
  await join(pages[0], room);
  await join(pages[1], room);
  await joinButton(pages[2]).click();
  await expect(pages[2].getByText(/This room is full/).first()).toBeVisible();
  await Promise.all(contexts.map((context) => context.close()));
});

test('a blocked microphone is explained, and one can listen', async ({ page, server, name }) => {
  const ada = await server.user(name('ada'));
  const room = await server.room(ada, 'Blocked');
  await page.addInitScript(() => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('denied', 'NotAllowedError'));
  });
  await logIn(page, ada);
  await page.goto(`/rooms/${room}`);
  await joinButton(page).click();
  await expect(page.getByRole('heading', { name: 'The microphone is blocked' })).toBeVisible();
  await page.getByRole('button', { name: 'Join and listen only' }).click();
  await expect(page.getByTestId('connection')).toHaveAttribute('data-state', 'connected');
});

test('a missing microphone is explained', async ({ page, server, name }) => {
  const ada = await server.user(name('ada'));
  const room = await server.room(ada, 'No microphone');
  await page.addInitScript(() => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('none', 'NotFoundError'));
  });
  await logIn(page, ada);
  await page.goto(`/rooms/${room}`);
  await joinButton(page).click();
  await expect(page.getByRole('heading', { name: 'No microphone found' })).toBeVisible();
});

test('a server that is gone is noticed in a call, and the list of rooms says so', async ({ browser, name }) => {
  const server = await Server.start();
  const context = await browser.newContext({ baseURL: server.url, permissions: ['microphone'] });
  try {
    const ada = await server.user(name('ada'));
    const room = await server.room(ada, 'Short-lived');
    const page = await context.newPage();
    await logIn(page, ada);
    await join(page, room);
    const list = await context.newPage();
    await list.goto('/rooms');
    await expect(list.getByRole('link', { name: 'Short-lived' })).toBeVisible();
    await server.kill();
    await expect(page.getByText('The server cannot be reached.')).toBeVisible({ timeout: 30_000 });
    await list.getByLabel('Search rooms').fill('anything');
    await expect(list.getByText(/cannot be reached|could not be loaded/).first()).toBeVisible({ timeout: 30_000 });
  } finally {
    await context.close();
    await server.stop();
  }
});
