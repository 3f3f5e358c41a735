/** A join that fails says which step failed and why, and leads to the connection test. */
import { examineAll } from '../support/examine.ts';
import { expect, test } from '../support/fixtures.ts';
import { joinButton, logIn } from '../support/pages.ts';

/** Runs in the page: the server's addresses lead nowhere. */
function nowhere(): void {
  const prototype = RTCPeerConnection.prototype as unknown as {
    setRemoteDescription(this: RTCPeerConnection, description: RTCSessionDescriptionInit): Promise<void>;
  };
  const native = prototype.setRemoteDescription;
  prototype.setRemoteDescription = function (description) {
    const sdp = (description.sdp ?? '').replace(/( (?:UDP|TCP) \d+) \S+ \d+ /gi, '$1 192.0.2.77 9 ');
    return native.call(this, { ...description, sdp });
  };
}

test('media that gets nowhere is named, counted, and leads to the test', async ({ page, server, name }) => {
  await page.addInitScript(nowhere);
  const ada = await server.user(name('ada'));
  const room = await server.room(ada, 'Behind a wall');
  await logIn(page, ada);
  await page.goto(`/rooms/${room}`);
  await joinButton(page).click();
  const problem = page.getByTestId('problem');
  await expect(problem).toHaveAttribute('data-step', 'ice', { timeout: 45_000 });
  expect(await server.metric('hubbub_signaling_media_problems_total')).toBeGreaterThan(0);
  await examineAll(page, 'join-failed');
  await page.getByRole('link', { name: 'Connection test' }).first().click();
  await expect(page.getByRole('heading', { name: 'Connection test', level: 1 })).toBeVisible();
});

test('a socket that is blocked is told from a server that is gone', async ({ page, server, name }) => {
  const ada = await server.user(name('ada'));
  const room = await server.room(ada, 'Behind a proxy');
  await logIn(page, ada);
  await page.addInitScript(() => {
    window.WebSocket = class extends WebSocket {
      constructor(url: string | URL) {
        super(String(url).replace('/ws', '/nothing-here'));
      }
    };
  });
  await page.goto(`/rooms/${room}`);
  await joinButton(page).click();
  await expect(page.getByText(/the live connection does not open/)).toBeVisible({ timeout: 45_000 });
  await expect(page.getByRole('link', { name: 'Connection test' })).toBeVisible();
  // It goes on trying.
  await examineAll(page, 'socket-blocked', 1);
});
