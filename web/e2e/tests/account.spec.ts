import { expect, test } from '../support/fixtures.ts';
import { logIn } from '../support/pages.ts';
import { PASSWORD } from '../support/server.ts';

test('a newcomer registers, reads the code in the outbox, and is in', async ({ page, context, name }) => {
  const username = name('ada');
  const email = `${username}@example.org`;
  await page.goto('/');
  await page.getByRole('link', { name: 'Create an account' }).click();
  // The page before has a field with this label too, and stays until this one is loaded.
  await expect(page.getByRole('heading', { name: 'Create an account' })).toBeVisible();
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Username').fill(username);
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Create account' }).click();
  await expect(page.getByRole('heading', { name: 'Confirm your email' })).toBeVisible();

  const opened = context.waitForEvent('page');
  await page.getByRole('link', { name: /Development outbox/ }).click();
  const outbox = await opened;
  await expect(outbox).toHaveURL(/\/dev\/outbox$/);
  const mail = outbox.locator('article, li, section', { hasText: email }).first();
  await expect(mail).toBeVisible();
  const code = (await mail.textContent())?.match(/\b\d{6}\b/)?.[0] ?? '';
  expect(code).toMatch(/^\d{6}$/);
  await outbox.close();

  const wrong = code === '000000' ? '000001' : '000000';
  await page.getByLabel('Code', { exact: true }).fill(wrong);
  await page.getByRole('button', { name: 'Confirm' }).click();
  await expect(page.getByText('This code is wrong or has expired.')).toBeVisible();

  await page.getByLabel('Code', { exact: true }).fill(code);
  await page.getByRole('button', { name: 'Confirm' }).click();
  await expect(page.getByRole('heading', { name: 'Rooms', level: 1 })).toBeVisible();
});

test('logging in, creating a room, and logging out', async ({ page, server, name }) => {
  const user = await server.user(name('grace'));
  const room = `Harbour ${user.name}`;
  await page.goto('/rooms');
  await expect(page.getByRole('heading', { name: 'Log in' })).toBeVisible();
  await page.getByLabel('Email').fill(user.email);
  await page.getByLabel('Password', { exact: true }).fill('not the password');
  await page.getByRole('button', { name: 'Log in' }).click();
  await expect(page.getByText('Email or password is wrong.')).toBeVisible();
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Log in' }).click();

  await page
    .getByRole('link', { name: 'New room' })
    .or(page.getByRole('button', { name: 'New room' }))
    .first()
    .click();
  await page.getByLabel('Name', { exact: true }).fill(room);
  await page.getByRole('button', { name: 'Create room' }).click();
  await expect(page.getByRole('heading', { name: room, level: 1 })).toBeVisible();

  await page.getByRole('link', { name: 'Rooms' }).first().click();
  await page.getByLabel('Search rooms').fill(`harbour ${user.name}`);
  await expect(page.getByRole('link', { name: room })).toBeVisible();
  await page.getByLabel('Search rooms').fill('no such room anywhere');
  await expect(page.getByText('No room matches “no such room anywhere”')).toBeVisible();

  await page.getByRole('button', { name: /^Account/ }).click();
  await page.getByRole('menuitem', { name: 'Log out' }).click();
  await expect(page.getByRole('heading', { name: 'Log in' })).toBeVisible();
  await page.goto('/rooms');
  await expect(page.getByRole('heading', { name: 'Log in' })).toBeVisible();
});

test('names with markup are shown as they are typed', async ({ page, server, name }) => {
  const user = await server.user(name('eve'));
  const evil = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>';
  await server.patch('/api/users/me', { displayName: evil.slice(0, 64) }, user);
  const room = await server.room(user, evil, { description: `${evil} javascript:window.pwned=1` });
  const violations: string[] = [];
  page.on('console', (message) => {
    if (/Content Security Policy/i.test(message.text())) violations.push(message.text());
  });
  await logIn(page, user);
  await page.goto('/rooms');
  await expect(page.getByRole('link', { name: evil })).toBeVisible();
  await page.goto(`/rooms/${room}`);
  await expect(page.getByRole('heading', { name: evil })).toBeVisible();
  await page.getByRole('button', { name: 'Join and listen only' }).click();
  await expect(page.getByText(evil.slice(0, 64)).first()).toBeVisible();
  await page.goto('/settings');
  await expect(page.getByLabel('Display name')).toHaveValue(evil.slice(0, 64));
  await page.goto('/dev/outbox');
  expect(await page.evaluate(() => 'pwned' in window)).toBe(false);
  expect(violations).toEqual([]);
});
