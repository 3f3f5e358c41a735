/** People in browsers of their own, each with a microphone that hears one tone. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, expect, type Page } from '@playwright/test';
import { chromiumArguments, chromiumPath } from './browsers.ts';
import { type Heard, install, isTones, listen } from './ears.ts';
import { PASSWORD, type Server, type User } from './server.ts';
import { writeTone } from './wav.ts';

/** A browser process with one page, logged in. */
export class Person {
  readonly page: Page;
  readonly user: User;
  private readonly browser: Browser;

  private constructor(page: Page, user: User, browser: Browser) {
    this.page = page;
    this.user = user;
    this.browser = browser;
  }

  static async arrive(server: Server, user: User, hertz: number): Promise<Person> {
    const folder = mkdtempSync(join(tmpdir(), 'hubbub-tone-'));
    const microphone = join(folder, `${hertz}.wav`);
    writeTone(microphone, hertz);
    const browser = await chromium.launch({ executablePath: chromiumPath(), args: chromiumArguments(microphone) });
    browser.on('disconnected', () => rmSync(folder, { recursive: true, force: true }));
    const context = await browser.newContext({
      baseURL: server.url,
      permissions: ['microphone'],
      locale: 'en-GB',
      ignoreHTTPSErrors: server.url.startsWith('https:'),
    });
    await context.addInitScript(install);
    const login = await context.request.post('/api/auth/login', { data: { email: user.email, password: PASSWORD } });
    expect(login.status()).toBe(200);
    return new Person(await context.newPage(), user, browser);
  }

  listen(milliseconds = 600): Promise<Heard> {
    return this.page.evaluate(listen, milliseconds);
  }

  /** Waits until this person hears exactly these tones. */
  async hears(...tones: number[]): Promise<void> {
    let heard: Heard | undefined;
    await expect
      .poll(
        async () => {
          heard = await this.listen();
          return isTones(heard, ...tones);
        },
        {
          message: `${this.user.name} hears ${tones.join(' and ')} Hz; last: ${JSON.stringify(heard)}`,
          timeout: 20_000,
        },
      )
      .toBe(true)
      .catch((error) => {
        throw new Error(`${error.message}\nlast heard: ${JSON.stringify(heard)}`);
      });
  }

  /** Waits until nothing reaches this person any more: the energy stands still for a second. */
  async hearsNothing(): Promise<void> {
    await expect.poll(async () => (await this.listen(1000)).energy, { timeout: 15_000 }).toBeLessThan(1e-7);
  }

  leave(): Promise<void> {
    return this.browser.close();
  }
}
