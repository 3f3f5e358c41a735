/** The admin area: what admins see and do, what those hear of it to whom it is done, and what everybody else sees. */
import type { Browser, BrowserContext, Page } from '@playwright/test';
import { complaintsOf, examine, SIZES } from '../support/examine.ts';
import { expect, test } from '../support/fixtures.ts';
import { join, logIn } from '../support/pages.ts';
import { PASSWORD, Server, type User } from '../support/server.ts';

let own: Server;
let ada: User;
let room: string;
let contexts: BrowserContext[] = [];

// Who is first on a server is its admin: a server of its own.
test.beforeAll(async () => {
  own = await Server.start();
  ada = await own.user('ada');
  await own.patch('/api/users/me', { displayName: 'Ada Lovelace' }, ada);
  room = await own.room(ada, 'Harbour café');
});
test.afterAll(() => own.stop());
test.afterEach(async () => {
  await Promise.all(contexts.map((context) => context.close()));
  contexts = [];
});

async function arrive(browser: Browser, user: User, look: object = {}): Promise<Page> {
  const context = await browser.newContext({ baseURL: own.url, permissions: ['microphone'], ...look });
  contexts.push(context);
  const page = await context.newPage();
  await logIn(page, user);
  return page;
}

async function choose(page: Page, menu: string, item: string): Promise<void> {
  await page.getByRole('button', { name: menu }).click();
  await page.getByRole('menuitem', { name: item }).click();
}

const confirm = (page: Page, label: string) =>
  page.getByRole('dialog').getByRole('button', { name: label, exact: true }).click();

for (const theme of ['light', 'dark'] as const) {
  for (const [device, viewport] of Object.entries(SIZES)) {
    const look = `${theme}-${device}`;
    test(`every page of the admin area is sound, ${look}`, async ({ browser, name }) => {
      test.setTimeout(180_000);
      const guest = await own.user(name('guest'));
      const page = await arrive(browser, ada, { colorScheme: theme, viewport, reducedMotion: 'reduce' });
      const complaints = complaintsOf(page);

      await page.goto('/admin');
      await expect(page.getByText('Nobody is in a call')).toBeVisible();
      await expect(page).toHaveURL(/\/admin\/live$/);
      await examine(page, `admin-live-empty-${look}`);

      const talking = await arrive(browser, guest);
      await join(talking, room);
      await expect(page.getByText('1 person in 1 room')).toBeVisible();
      await examine(page, `admin-live-${look}`);
      await page.getByRole('link', { name: 'Harbour café' }).click();
      await expect(page.getByRole('heading', { name: guest.name })).toBeVisible();
      await expect(page.getByText(/^UDP, IPv[46]$/)).toBeVisible();
      await expect(page.getByText(/^Chrome \d+, Linux$/)).toBeVisible();
      await expect(page.getByText(/^[\d.,]+ ms to the server/).first()).toBeVisible();
      await examine(page, `admin-room-${look}`);
      await page.getByRole('button', { name: `Actions for ${guest.name}` }).click();
      await expect(page.getByRole('menuitem', { name: 'Send out' })).toBeVisible();
      await examine(page, `admin-peer-menu-${look}`);
      await page.getByRole('menuitem', { name: 'Send out' }).click();
      await expect(page.getByRole('dialog')).toBeVisible();
      await examine(page, `admin-kick-${look}`);
      await confirm(page, 'Cancel');
      await page.getByRole('button', { name: 'End call' }).click();
      await confirm(page, 'End call');
      await expect(page.getByText('Nobody is in this room')).toBeVisible();
      await examine(page, `admin-room-empty-${look}`);
      await expect(talking.getByRole('heading', { name: 'The call was ended' })).toBeVisible();
      await examine(talking, `call-ended-by-admin-${look}`);

      await page.getByRole('link', { name: 'Users' }).click();
      await expect(page.getByRole('heading', { name: 'Ada Lovelace' })).toBeVisible();
      await examine(page, `admin-users-${look}`);
      await page.getByRole('button', { name: `Actions for ${guest.name}` }).click();
      await examine(page, `admin-user-menu-${look}`);
      await page.keyboard.press('Escape');
      await page.getByRole('searchbox').fill('nobody has this name');
      await expect(page.getByText('Nobody matches')).toBeVisible();
      await examine(page, `admin-users-none-${look}`);

      await page.getByRole('link', { name: 'Audit log' }).click();
      await expect(page.getByRole('listitem').filter({ hasText: 'Call ended' }).first()).toBeVisible();
      await examine(page, `admin-audit-${look}`);
      await page.getByRole('combobox', { name: 'Action' }).selectOption('Room created');
      await expect(page.getByText('No entry matches')).toBeVisible();
      await examine(page, `admin-audit-none-${look}`);
      expect(complaints).toEqual([]);
    });
  }
}

test('who is sent out reads why and can come back, and a mute from outside is heard of', async ({ browser, name }) => {
  const bob = await own.user(name('bob'));
  const guest = await arrive(browser, bob);
  await join(guest, room);
  const page = await arrive(browser, ada);
  await page.goto(`/admin/live/${room}`);
  await choose(page, `Actions for ${bob.name}`, 'Mute');
  await confirm(page, 'Mute');
  await expect(guest.getByText('A moderator muted you', { exact: true })).toBeVisible();
  await expect(page.getByText('Muted by moderator')).toBeVisible();
  await choose(page, `Actions for ${bob.name}`, 'Lift mute');
  await confirm(page, 'Lift mute');
  await expect(page.getByText('Muted by moderator')).toHaveCount(0);

  await choose(page, `Actions for ${bob.name}`, 'Send out');
  await confirm(page, 'Send out');
  await expect(guest.getByRole('heading', { name: 'You were sent out' })).toBeVisible();
  await expect(page.getByText('Nobody is in this room')).toBeVisible();
  await guest.getByRole('button', { name: 'Join again' }).click();
  await expect(guest.getByTestId('connection')).toHaveAttribute('data-state', 'connected', { timeout: 30_000 });
});

test('who is blocked in a call reads why at the login, and can come back when it is lifted', async ({
  browser,
  name,
}) => {
  const bob = await own.user(name('bob'));
  const guest = await arrive(browser, bob);
  await join(guest, room);
  const page = await arrive(browser, ada);
  await page.goto(`/admin/users?q=${bob.name}`);
  await choose(page, `Actions for ${bob.name}`, 'Block');
  await confirm(page, 'Block');
  await expect(page.getByRole('listitem').getByText('Blocked', { exact: true })).toBeVisible();

  await expect(guest).toHaveURL(/\/login/);
  await expect(guest.getByText('Your account was blocked.')).toBeVisible();
  await guest.getByRole('textbox', { name: 'Email' }).fill(bob.email);
  await guest.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await guest.getByRole('button', { name: 'Log in' }).click();
  await expect(guest.getByRole('alert').filter({ hasText: 'This account is blocked.' })).toBeVisible();
  await examine(guest, 'login-blocked');

  await choose(page, `Actions for ${bob.name}`, 'Unblock');
  await confirm(page, 'Unblock');
  await expect(page.getByText(`${bob.name} can log in again.`)).toBeVisible();
  await guest.getByRole('button', { name: 'Log in' }).click();
  await expect(guest.getByRole('button', { name: /^Account:/ })).toBeVisible();

  await choose(page, `Actions for ${bob.name}`, 'Show in audit log');
  await expect(page.getByRole('listitem').filter({ hasText: 'User unblocked' })).toBeVisible();
  await expect(page.getByRole('listitem').filter({ hasText: 'User blocked' })).toBeVisible();
});

test('to everybody else there is no admin area', async ({ browser, name }) => {
  const bob = await own.user(name('bob'));
  const page = await arrive(browser, bob);
  await page.goto('/admin/users');
  await expect(page.getByRole('heading', { name: 'Page not found' })).toBeVisible();
  await page.goto('/rooms');
  await page.getByRole('button', { name: /^Account:/ }).click();
  await expect(page.getByRole('menuitem', { name: 'Settings' })).toBeVisible();
  await expect(page.getByRole('menuitem', { name: 'Administration' })).toHaveCount(0);
});

test('the keyboard alone gets an admin there, and the focus comes back after a question', async ({ browser }) => {
  const page = await arrive(browser, ada);
  await page.goto('/rooms');
  await page.getByRole('button', { name: /^Account:/ }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('menuitem', { name: 'Administration' }).focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'Administration' })).toBeVisible();
  await page.getByRole('link', { name: 'Users' }).focus();
  await page.keyboard.press('Enter');
  const menu = page.getByRole('button', { name: 'Actions for Ada Lovelace' });
  await menu.focus();
  await page.keyboard.press('Enter');
  await page.getByRole('menuitem', { name: 'Log out everywhere' }).focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog').getByRole('button', { name: 'Cancel' })).toBeFocused();
  // While it fades the menu is the layer above, and Escape would be its.
  await expect(page.getByRole('menu')).toHaveCount(0);
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await expect(menu).toBeFocused();
});

test('a server that is away is said to be, and what was shown stays', async ({ browser, name }) => {
  const bob = await own.user(name('bob'));
  const guest = await arrive(browser, bob);
  await join(guest, room);
  const page = await arrive(browser, ada);
  await page.goto('/admin/live');
  await expect(page.getByRole('link', { name: 'Harbour café' })).toBeVisible();
  await page.route('**/api/admin/**', (route) => route.abort());
  await expect(page.getByText('This is not up to date.')).toBeVisible({ timeout: 30_000 });
  await expect(page.getByRole('link', { name: 'Harbour café' })).toBeVisible();
  await page.goto('/admin/users');
  await expect(page.getByRole('heading', { name: 'The users could not be loaded' })).toBeVisible({ timeout: 30_000 });
  await examine(page, 'admin-users-failed');
  await page.unroute('**/api/admin/**');
  await page.getByRole('button', { name: 'Try again' }).click();
  await expect(page.getByRole('heading', { name: 'Ada Lovelace' })).toBeVisible();
});
