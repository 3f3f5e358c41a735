/** The connection test page: what works, what is blocked and by what, and a report that can be sent. */
import type { Page } from '@playwright/test';
import { Coturn } from '../support/coturn.ts';
import { examine, SIZES } from '../support/examine.ts';
import { expect, test } from '../support/fixtures.ts';
import { logIn } from '../support/pages.ts';
import { PASSWORD, Server } from '../support/server.ts';

const verdict = (page: Page) => page.getByTestId('verdict');
const check = (page: Page, id: string) => page.locator(`[data-check=${id}]`);

/** Runs the test to its end; on a server of one's own after logging in there. */
async function run(page: Page, own?: { server: Server; name: string }): Promise<void> {
  if (own) {
    const { email } = await own.server.user(own.name);
    const login = await page
      .context()
      .request.post(`${own.server.url}/api/auth/login`, { data: { email, password: PASSWORD } });
    expect(login.status()).toBe(200);
  }
  await page.goto(`${own?.server.url ?? ''}/connection-test`);
  await page.getByRole('button', { name: 'Start test' }).click();
  await expect(verdict(page)).toBeVisible({ timeout: 75_000 });
}

/** Runs in the page: nothing that the server names by UDP is reached. */
function withoutUdp(): void {
  const prototype = RTCPeerConnection.prototype as unknown as {
    setRemoteDescription(this: RTCPeerConnection, description: RTCSessionDescriptionInit): Promise<void>;
  };
  const native = prototype.setRemoteDescription;
  prototype.setRemoteDescription = function (description) {
    // Port 9, discard: where nothing answers.
    const sdp = (description.sdp ?? '').replace(/( UDP \d+ \S+) \d+ /gi, '$1 9 ');
    return native.call(this, { ...description, sdp });
  };
}

test('everything works, is measured and can be sent to whoever runs the server', async ({ page, server, name }) => {
  await page.context().grantPermissions(['microphone', 'clipboard-read', 'clipboard-write']);
  await logIn(page, await server.user(name('ada')));
  await page.setViewportSize(SIZES.desktop);
  // From the settings, by keyboard.
  await page.goto('/settings');
  await page.getByRole('link', { name: 'Connection test' }).focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'Connection test', level: 1 })).toBeVisible();
  await examine(page, 'connection-test-before-light');
  await page.getByRole('button', { name: 'Start test' }).focus();
  await page.keyboard.press('Enter');
  await expect(check(page, 'microphone')).toHaveAttribute('data-status', 'ok', { timeout: 30_000 });
  await expect(verdict(page)).toHaveAttribute('data-verdict', 'good', { timeout: 75_000 });
  for (const id of ['server', 'socket', 'microphone', 'udp', 'tcp', 'audio'])
    await expect(check(page, id)).toHaveAttribute('data-status', 'ok');
  await expect(check(page, 'relay')).toHaveAttribute('data-status', 'skipped');
  const figures = await check(page, 'audio').locator('dd').allTextContents();
  expect(figures).toHaveLength(4);
  expect(figures[0]).toMatch(/^\d+ ms$/);
  expect(figures[3]).toMatch(/^\d+\.\d %$/);

  await page.getByRole('button', { name: 'Copy report' }).click();
  await expect(page.getByText('Report copied.')).toBeVisible();
  const report = await page.evaluate(() => navigator.clipboard.readText());
  expect(report).toContain('Sound by UDP: works');
  expect(report).toMatch(/round trip \d+ ms/);
  expect(report).toMatch(/udp (host|prflx) .+ → .+:\d+: succeeded/);
  // But for the page's own address.
  const rest = report.slice(report.indexOf('\n'));
  expect(rest).not.toMatch(/\b(10\.\d+|127\.\d+|192\.168)\.\d+\.\d+/);

  for (const [size, viewport] of Object.entries(SIZES)) {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme });
      await examine(page, `connection-test-good-${size}-${colorScheme}`);
    }
  }
});

test('blocked UDP is named, and sound goes by TCP', async ({ page, server, name }) => {
  await page.addInitScript(withoutUdp);
  await logIn(page, await server.user(name('ada')));
  await run(page);
  await expect(verdict(page)).toHaveAttribute('data-verdict', 'tcp-only');
  await expect(check(page, 'udp')).toContainText('UDP is blocked');
  await expect(check(page, 'tcp')).toHaveAttribute('data-status', 'ok');
  await expect(check(page, 'audio')).toHaveAttribute('data-status', 'ok');
  await page.emulateMedia({ colorScheme: 'dark' });
  await examine(page, 'connection-test-tcp-dark');
});

test('a wrong announced address is named, and nothing gets through', async ({ page, name }) => {
  // Nobody has this address (RFC 5737).
  const server = await Server.start({ HUBBUB__MEDIA__ANNOUNCED_ADDRESSES: '192.0.2.77' });
  try {
    await run(page, { server, name: name('ada') });
    await expect(verdict(page)).toHaveAttribute('data-verdict', 'no-media');
    await expect(check(page, 'udp')).toHaveAttribute('data-status', 'fails');
    await expect(check(page, 'tcp')).toHaveAttribute('data-status', 'fails');
    await expect(verdict(page)).toContainText('announces an address that does not lead to it');
    await expect(check(page, 'udp')).toContainText('announces an address that does not lead to it');
    await expect(check(page, 'tcp')).toContainText('announces a wrong address');
    await page.getByText('Show report').click();
    await expect(page.getByLabel('The report')).toHaveValue(/192\.0\.2\.77/);
    await page.setViewportSize(SIZES.phone);
    await examine(page, 'connection-test-blocked-phone-light');
  } finally {
    await server.stop();
  }
});

for (const right of [true, false]) {
  test(`a relay with the ${right ? 'right' : 'wrong'} secret is named so`, async ({ page, name }) => {
    const coturn = await Coturn.start();
    const server = await Server.start({
      HUBBUB__MEDIA__BIND: '127.0.0.1',
      HUBBUB__ICE__TURN_URLS: `turn:127.0.0.1:${coturn.port}?transport=udp`,
      HUBBUB__ICE__TURN_SECRET: right ? coturn.secret : 'another-secret-than-coturns',
    });
    try {
      await run(page, { server, name: name('ada') });
      await expect(check(page, 'relay')).toHaveAttribute('data-status', right ? 'ok' : 'fails');
      if (!right) await expect(check(page, 'relay')).toContainText('refused the credentials');
    } finally {
      await server.stop();
      coturn.stop();
    }
  });
}

test('without a microphone the rest is tested', async ({ page, server, name }) => {
  await page.addInitScript(() => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('denied', 'NotAllowedError'));
  });
  await logIn(page, await server.user(name('ada')));
  await run(page);
  await expect(verdict(page)).toHaveAttribute('data-verdict', 'microphone');
  await expect(check(page, 'microphone')).toContainText('The browser blocks the microphone');
  await expect(check(page, 'audio')).toHaveAttribute('data-status', 'ok');
});

test('who is not logged in comes back here after the login', async ({ page }) => {
  await page.goto('/connection-test');
  await expect(page).toHaveURL(/\/login\?next=%2Fconnection-test/);
});
