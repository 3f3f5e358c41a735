import { defineConfig } from '@playwright/test';
import { chromiumArguments, chromiumPath } from './support/browsers.ts';

// The workers read this file too: one folder for all of a run, and none that another run clears.
process.env.HUBBUB_E2E_RUN ??= `${new Date().toISOString().replace(/[:.]/g, '-')}-${process.pid}`;

export default defineConfig({
  testDir: 'tests',
  testIgnore: process.env.HUBBUB_PICTURE ? [] : ['picture.spec.ts'],
  outputDir: `test-results/${process.env.HUBBUB_E2E_RUN}`,
  // Every test drives several browsers that encode and decode audio in real time.
  workers: 1,
  fullyParallel: false,
  // Here a test that fails once is a fault to find. CI shares its cores with others: it runs such a test once more and says so.
  retries: process.env.CI ? 1 : 0,
  forbidOnly: !!process.env.CI,
  timeout: 90_000,
  expect: { timeout: 15_000 },
  use: {
    launchOptions: { executablePath: chromiumPath(), args: chromiumArguments() },
    permissions: ['microphone'],
    trace: 'retain-on-failure',
    screenshot: 'only-on-failure',
    colorScheme: 'light',
    locale: 'en-GB',
  },
});
