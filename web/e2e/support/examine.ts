/** Looking at a page: accessibility, overflow, and a picture for people. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { expect, type Page } from '@playwright/test';

const PICTURES = join(import.meta.dirname, '..', 'screenshots-out');
mkdirSync(PICTURES, { recursive: true });

export const SIZES = { desktop: { width: 1280, height: 800 }, phone: { width: 360, height: 740 } };

/** Waits until the page stands still; so many things in it may be at work. */
async function settled(page: Page, busy: number): Promise<void> {
  await page.waitForLoadState('networkidle');
  await expect(page.locator('[aria-busy=true]')).toHaveCount(busy);
  await page.evaluate(() =>
    Promise.all(
      document
        .getAnimations()
        .filter((a) => a.effect?.getTiming().iterations !== Infinity)
        .map((a) => a.finished.catch(() => undefined)),
    ),
  );
}

/** Takes a picture, and finds nothing that axe complains of and nothing that makes the page scroll sideways. */
export async function examine(page: Page, picture: string, exceptRules: string[] = [], busy = 0): Promise<void> {
  await settled(page, busy);
  await page.screenshot({ path: join(PICTURES, `${picture}.png`) });
  const { violations } = await new AxeBuilder({ page }).disableRules(exceptRules).analyze();
  const found = violations.map((v) => `${v.id}: ${v.help} (${v.nodes.map((n) => n.target.join(' ')).join('; ')})`);
  expect(found, `axe on ${picture}`).toEqual([]);
  const overflow = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  expect(overflow, `${picture} scrolls sideways`).toBeLessThanOrEqual(0);
}

/**
 * Examines a page that cannot be come to again, in both themes and both sizes; it is left as a desktop's in light. So many things
 * in it may be at work.
 */
export async function examineAll(page: Page, picture: string, busy = 0): Promise<void> {
  for (const theme of ['dark', 'light'] as const) {
    for (const device of ['phone', 'desktop'] as const) {
      await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
      await page.setViewportSize(SIZES[device]);
      await examine(page, `${picture}-${theme}-${device}`, [], busy);
    }
  }
}

/** Collects what the page's scripts and its Content Security Policy complain of. */
export function complaintsOf(page: Page): string[] {
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (/Content Security Policy/i.test(message.text())) complaints.push(`${page.url()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`${page.url()}: ${error}`));
  return complaints;
}
