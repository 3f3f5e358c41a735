/** What pages.spec.ts does not come across: dialogs, menus, and everything that can be in one's way. */
import type { Browser, BrowserContext, Page } from '@playwright/test';
import { complaintsOf, examine, SIZES } from '../support/examine.ts';
import { expect, test } from '../support/fixtures.ts';
import { join, joinButton, logIn, participants } from '../support/pages.ts';
import { Server, type User } from '../support/server.ts';

// A theme changes colours and a size changes the layout: two combinations show every colour and every layout.
const LOOKS = [
  { theme: 'light', device: 'desktop' },
  { theme: 'dark', device: 'phone' },
] as const;

/** What Swagger UI, which is not ours, does not keep: in its own markup and colours, which it has no settings for. */
const SWAGGER_UI = [
  'button-name',
  'color-contrast',
  'heading-order',
  'label',
  'landmark-one-main',
  'nested-interactive',
  'region',
];

let complaints: string[][] = [];
let contexts: BrowserContext[] = [];

test.afterEach(async () => {
  await Promise.all(contexts.map((context) => context.close()));
  const found = complaints.flat();
  [complaints, contexts] = [[], []];
  expect(found).toEqual([]);
});

/** Makes the browser refuse the microphone. */
async function refuseMicrophone(page: Page, error: string): Promise<void> {
  await page.addInitScript((name) => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('refused', name));
  }, error);
}

for (const { theme, device } of LOOKS) {
  const look = `${theme}-${device}`;

  async function arrive(browser: Browser, server: Server, user: User): Promise<Page> {
    const context = await browser.newContext({
      baseURL: server.url,
      colorScheme: theme,
      viewport: SIZES[device],
      permissions: ['microphone'],
      reducedMotion: 'reduce',
    });
    contexts.push(context);
    const page = await context.newPage();
    complaints.push(complaintsOf(page));
    await logIn(page, user);
    return page;
  }

  test.describe(look, () => {
    test('dialogs and menus outside of a call are sound', async ({ browser, server, name }) => {
      const ada = await server.user(name('ada'));
      const room = await server.room(ada, 'Harbour café', { description: 'Where ships and people meet.' });
      const page = await arrive(browser, server, ada);

      await page.goto('/rooms');
      await page.getByRole('button', { name: /^Account:/ }).click();
      await expect(page.getByRole('menuitem', { name: 'Log out' })).toBeVisible();
      await examine(page, `account-menu-${look}`);
      await page.keyboard.press('Escape');
      await page.getByRole('link', { name: 'New room' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Create room' }).click();
      await expect(page.getByText('Fill this in.')).toBeVisible();
      await examine(page, `new-room-empty-${look}`);

      await page.goto(`/rooms/${room}`);
      const choose = async (item: string) => {
        await page.getByRole('button', { name: 'Room options' }).click();
        await page.getByRole('menuitem', { name: item }).click();
        await expect(page.getByRole('dialog')).toBeVisible();
      };
      await page.getByRole('button', { name: 'Room options' }).click();
      await expect(page.getByRole('menuitem', { name: 'Delete room' })).toBeVisible();
      await examine(page, `room-menu-${look}`);
      await page.keyboard.press('Escape');
      await choose('Invite people');
      await examine(page, `invite-dialog-${look}`);
      await page.getByRole('button', { name: 'Create link' }).click();
      await expect(page.getByLabel('Invitation link')).toHaveValue(/\/invite\//);
      await examine(page, `invite-link-${look}`);
      await page.keyboard.press('Escape');
      await choose('Edit room');
      await examine(page, `edit-room-${look}`);
      await page.keyboard.press('Escape');
      await choose('Delete room');
      await examine(page, `delete-room-${look}`);
      await page.getByRole('dialog').getByRole('button', { name: 'Delete room' }).click();
      await expect(page.getByText('Room deleted.')).toBeVisible();
      await examine(page, `room-deleted-toast-${look}`);
    });

    test('microphones that cannot be had are explained soundly', async ({ browser, server, name }) => {
      const ada = await server.user(name('ada'));
      const description = `https://docs.example.org/${'a-very-long-address-without-a-space/'.repeat(5)}`;
      const room = await server.room(ada, 'No microphone', { description });
      const problems = [
        ['NotAllowedError', 'The microphone is blocked'],
        ['NotFoundError', 'No microphone found'],
        ['NotReadableError', 'The microphone is in use'],
      ];
      for (const [error, title] of problems) {
        const page = await arrive(browser, server, ada);
        await refuseMicrophone(page, error);
        await page.goto(`/rooms/${room}`);
        await joinButton(page).click();
        await expect(page.getByRole('heading', { name: title })).toBeVisible();
        await examine(page, `microphone-${error}-${look}`);
      }
      const page = await arrive(browser, server, ada);
      await page.goto(`/rooms/${room}`);
      await page.getByRole('button', { name: 'Check microphone' }).click();
      await expect(page.getByRole('img', { name: 'Microphone level' })).toBeVisible();
      await examine(page, `microphone-check-${look}`);
      await page.getByRole('button', { name: 'Join and listen only' }).click();
      await expect(page.getByRole('button', { name: 'Turn on microphone' })).toBeVisible();
      await examine(page, `listening-${look}`);
      await page.getByRole('link', { name: 'Rooms', exact: true }).click();
      await expect(page.getByRole('heading', { name: 'Rooms', exact: true })).toBeVisible();
      await examine(page, `rooms-long-description-${look}`);
    });

    test('rooms that one cannot enter say so soundly', async ({ browser, server, name }) => {
      const users = [await server.user(name('ada')), await server.user(name('bob')), await server.user(name('cleo'))];
      const hidden = await server.room(users[0], 'Secret plans', { isPrivate: true });
      const small = await server.room(users[0], 'Two seats', { maxParticipants: 2 });
      const pages = [];
      for (const user of users) pages.push(await arrive(browser, server, user));
      const [ada, bob, cleo] = pages;

      await cleo.goto(`/rooms/${hidden}`);
      await expect(cleo.getByRole('heading', { name: 'This room is private' })).toBeVisible();
      await examine(cleo, `room-private-${look}`);

      await cleo.goto(`/rooms/${small}`);
      await expect(joinButton(cleo)).toBeVisible();
      await join(ada, small);
      await join(bob, small);
      await joinButton(cleo).click();
      await expect(cleo.getByRole('heading', { name: 'This room is full' })).toBeVisible();
      await examine(cleo, `room-full-refused-${look}`);
      await cleo.reload();
      await expect(cleo.getByText('All 2 seats are taken.')).toBeVisible();
      await examine(cleo, `room-full-${look}`);
    });

    test('a call with its menus, and how it ends, are sound', async ({ browser, server, name }) => {
      const [ada, bob] = [await server.user(name('ada')), await server.user(name('bob'))];
      const room = await server.room(ada, 'Harbour café');
      const [owner, guest] = [await arrive(browser, server, ada), await arrive(browser, server, bob)];
      await join(owner, room);
      await join(guest, room);
      await expect(participants(owner)).toHaveCount(2);

      await owner.getByRole('button', { name: 'Choose microphone' }).click();
      await expect(owner.getByRole('menuitemradio').first()).toBeVisible();
      await examine(owner, `microphone-menu-${look}`);
      await owner.keyboard.press('Escape');
      await owner.getByRole('button', { name: `Actions for ${bob.name}` }).click();
      await expect(owner.getByRole('menuitem', { name: 'Mute for everybody' })).toBeVisible();
      await examine(owner, `participant-menu-${look}`);
      await owner.getByRole('menuitem', { name: 'Mute for everybody' }).click();
      await expect(guest.getByText('Muted by moderator').first()).toBeVisible();
      await examine(guest, `muted-by-moderator-${look}`);

      const elsewhere = await guest.context().newPage();
      complaints.push(complaintsOf(elsewhere));
      await join(elsewhere, room);
      await expect(guest.getByRole('heading', { name: 'You joined from another tab' })).toBeVisible();
      await examine(guest, `replaced-${look}`);
      await elsewhere.getByRole('link', { name: 'Rooms', exact: true }).first().click();
      await expect(elsewhere.getByRole('link', { name: 'Back to Harbour café' })).toBeVisible();
      await examine(elsewhere, `dock-${look}`);
      await elsewhere.getByRole('link', { name: 'Back to Harbour café' }).click();

      await server.ask('DELETE', `/api/rooms/${room}`, undefined, ada);
      await expect(elsewhere.getByRole('heading', { name: 'This room was deleted' })).toBeVisible();
      await examine(elsewhere, `deleted-${look}`);
    });

    test('a server that is gone is reported soundly', async ({ browser, name }) => {
      const server = await Server.start();
      try {
        const ada = await server.user(name('ada'));
        const room = await server.room(ada, 'Short-lived');
        const page = await arrive(browser, server, ada);
        await join(page, room);
        const list = await page.context().newPage();
        await list.goto('/rooms');
        await expect(list.getByRole('link', { name: 'Short-lived' })).toBeVisible();
        await server.kill();
        await expect(page.getByText('The server cannot be reached.')).toBeVisible({ timeout: 30_000 });
        await examine(page, `server-gone-${look}`);
        await list.getByLabel('Search rooms').fill('anything');
        await expect(list.getByText('The rooms could not be loaded')).toBeVisible({ timeout: 30_000 });
        await examine(list, `rooms-failed-${look}`);
      } finally {
        await server.stop();
      }
    });

    test('the page of the REST API is sound, as far as Swagger UI is', async ({ browser, server, name }) => {
      const page = await arrive(browser, server, await server.user(name('ada')));
      await page.goto('/api/docs/');
      await expect(page.getByText('/api/auth/login').first()).toBeVisible();
      await examine(page, `api-docs-${look}`, SWAGGER_UI);
    });
  });
}
