/** Finding one's way through the web client as its users do: by what it says. */
import { expect, type Page } from '@playwright/test';
import { PASSWORD, type User } from './server.ts';

export const joinButton = (page: Page) => page.getByRole('button', { name: 'Join', exact: true });
export const participants = (page: Page) => page.locator('[data-participant]');

/** Opens a room, joins it with the microphone and waits until sound can flow. */
export async function join(page: Page, room: string): Promise<void> {
  await page.goto(`/rooms/${room}`);
  await joinButton(page).click();
  await expect(page.getByTestId('connection')).toHaveAttribute('data-state', 'connected', { timeout: 30_000 });
}

/** Logs a page's context in, without the form. */
export async function logIn(page: Page, user: User): Promise<void> {
  const answer = await page
    .context()
    .request.post('/api/auth/login', { data: { email: user.email, password: PASSWORD } });
  expect(answer.status()).toBe(200);
}
