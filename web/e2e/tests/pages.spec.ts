/** Every page, in both themes: no accessibility violation, no CSP violation, and a picture to look at. */
import { complaintsOf, examine, SIZES } from '../support/examine.ts';
import { expect, test } from '../support/fixtures.ts';
import { join, logIn } from '../support/pages.ts';
import type { User } from '../support/server.ts';

let user: User;
let room: string;
let invitation: string;

test.beforeAll(async ({ server }) => {
  user = await server.user('pages');
  await server.patch('/api/users/me', { displayName: 'Ada Lovelace', bio: 'Weaves algebra.' }, user);
  room = await server.room(user, 'Harbour café', { description: 'Where ships and people meet.\nBring tea.' });
  await server.room(user, 'Board meeting', { isPrivate: true });
  const { body } = await server.ask('POST', `/api/rooms/${room}/invites`, {}, user);
  invitation = new URL(body.url).pathname;
});

const OUTSIDE: [name: string, address: () => string][] = [
  ['login', () => '/login'],
  ['register', () => '/register'],
  ['verify', () => '/verify?email=ada%40example.org'],
  ['outbox', () => '/dev/outbox'],
];
const INSIDE: [name: string, address: () => string][] = [
  ['rooms', () => '/rooms'],
  ['rooms-none', () => '/rooms?search=nothing-like-this'],
  ['new-room', () => '/rooms/new'],
  ['room', () => `/rooms/${room}`],
  ['room-unknown', () => '/rooms/0192f0c1-0000-7000-8000-000000000000'],
  ['invite', () => invitation],
  ['invite-unknown', () => '/invite/nothing'],
  ['settings', () => '/settings'],
  ['not-found', () => '/no/such/page'],
];

for (const theme of ['light', 'dark'] as const) {
  for (const [device, viewport] of Object.entries(SIZES)) {
    test(`every page is sound, ${theme}, ${device}`, async ({ browser, server }) => {
      test.setTimeout(180_000);
      const context = await browser.newContext({
        baseURL: server.url,
        colorScheme: theme,
        viewport,
        permissions: ['microphone'],
        reducedMotion: 'reduce',
      });
      const page = await context.newPage();
      const complaints = complaintsOf(page);
      for (const [name, address] of OUTSIDE) {
        await page.goto(address());
        await examine(page, `${name}-${theme}-${device}`);
      }
      await logIn(page, user);
      for (const [name, address] of INSIDE) {
        await page.goto(address());
        await examine(page, `${name}-${theme}-${device}`);
      }
      await join(page, room);
      await examine(page, `call-${theme}-${device}`);
      await page.getByRole('button', { name: 'Leave' }).click();
      expect(complaints).toEqual([]);
      await context.close();
    });
  }
}

test('on a phone one joins, mutes and leaves with the thumb', async ({ browser, server }) => {
  const context = await browser.newContext({
    baseURL: server.url,
    viewport: SIZES.phone,
    isMobile: true,
    hasTouch: true,
    permissions: ['microphone'],
  });
  const page = await context.newPage();
  await logIn(page, user);
  await page.goto(`/rooms/${room}`);
  await page.getByRole('button', { name: 'Join', exact: true }).tap();
  const mute = page.getByRole('button', { name: 'Mute', exact: true });
  await expect(mute).toBeInViewport();
  const box = await mute.boundingBox();
  expect(box?.height).toBeGreaterThanOrEqual(44);
  await mute.tap();
  await expect(page.getByRole('button', { name: 'Unmute', exact: true })).toBeVisible();
  await page.getByRole('button', { name: 'Leave' }).tap();
  await expect(page.getByRole('button', { name: 'Join', exact: true })).toBeVisible();
  await context.close();
});
