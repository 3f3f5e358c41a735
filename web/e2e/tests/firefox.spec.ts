/** Playwright does not drive a distribution's Firefox; puppeteer does, over WebDriver BiDi. */
import puppeteer, { type Browser, type Page } from 'puppeteer-core';
import { firefoxPath } from '../support/browsers.ts';
import { type Heard, install, listen } from '../support/ears.ts';
import { expect, test } from '../support/fixtures.ts';
import { join } from '../support/pages.ts';
import { PASSWORD, until } from '../support/server.ts';

/** Its fake microphone hears a tone of 1000 Hz; there are no prompts and no loudspeakers. */
const PREFERENCES = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.autoplay.default': 0,
  'media.autoplay.blocking_policy': 0,
  'media.autoplay.block-webaudio': false,
  'media.devices.unfocused.enabled': true,
};

test('Firefox and Chromium hear each other', async ({ server, arrive, name }) => {
  test.setTimeout(180_000);
  const [ada, fay] = [await server.user(name('ada')), await server.user(name('fay'))];
  const room = await server.room(ada, 'Two browsers');
  const chromium = await arrive(ada, 440);
  await join(chromium.page, room);

  const firefox: Browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: firefoxPath(),
    headless: true,
    extraPrefsFirefox: PREFERENCES,
  });
  try {
    const page: Page = await firefox.newPage();
    await page.evaluateOnNewDocument(install);
    await page.goto(`${server.url}/login?next=/rooms/${room}`);
    await (await page.waitForSelector('input[type=email]'))?.type(fay.email);
    await (await page.waitForSelector('input[autocomplete=current-password]'))?.type(PASSWORD);
    await (await page.waitForSelector('button[type=submit]'))?.click();
    await page.locator('::-p-aria([name="Join"][role="button"])').setTimeout(20_000).click();
    // On a busy machine the first try may take longer than the client gives it (12 s); the ones after it count too.
    await page.waitForSelector('[data-testid=connection][data-state=connected]', { timeout: 60_000 });

    await chromium.hears(1000);
    const heard: Heard = await until('Firefox hears Chromium', async () => {
      const now = await page.evaluate(listen, 1000);
      return now.energy > 1e-6 && now.concealed < 0.1 && now;
    });
    expect(heard.state).toBe('connected');

    await chromium.page.getByRole('button', { name: 'Mute', exact: true }).click();
    await until('Firefox hears nothing', async () => (await page.evaluate(listen, 1000)).energy < 1e-7);
    await chromium.page.getByRole('button', { name: 'Unmute', exact: true }).click();
    await until('Firefox hears Chromium again', async () => (await page.evaluate(listen, 1000)).energy > 1e-6);
  } finally {
    await firefox.close();
  }
});
