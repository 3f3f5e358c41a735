/** Looking at a page: accessibility, overflow, and a picture for people. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { expect, type Page } from '@playwright/test';

const PICTURES = join(import.meta.dirname, '..', 'screenshots-out');
mkdirSync(PICTURES, { recursive: true });

export const SIZES = { desktop: { width: 1280, height: 800 }, phone: { width: 360, height: 740 } };

/** Waits until the page stands still. */
async function settled(page: Page): Promise<void> {
  await page.waitForLoadState('networkidle');
  await expect(page.locator('[aria-busy=true]')).toHaveCount(0);
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
export async function examine(page: Page, picture: string, exceptRules: string[] = []): Promise<void> {
  await settled(page);
  await page.screenshot({ path: join(PICTURES, `${picture}.png`) });
  const { violations } = await new AxeBuilder({ page }).disableRules(exceptRules).analyze();
  const found = violations.map((v) => `${v.id}: ${v.help} (${v.nodes.map((n) => n.target.join(' ')).join('; ')})`);
  expect(found, `axe on ${picture}`).toEqual([]);
  const overflow = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  expect(overflow, `${picture} scrolls sideways`).toBeLessThanOrEqual(0);
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
