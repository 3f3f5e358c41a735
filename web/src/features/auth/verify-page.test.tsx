import { createMemoryHistory, createRootRoute, createRouter, RouterProvider } from '@tanstack/react-router';
import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import * as endpoints from '@/api/endpoints';
import { ApiProblem } from '@/api/problem';
import { VerifyPage } from './verify-page';

vi.mock('@/api/endpoints');

beforeEach(() => {
  vi.mocked(endpoints.getServerInfo).mockReturnValue(new Promise(() => undefined));
});

afterEach(() => {
  vi.useRealTimers();
});

async function open() {
  const routeTree = createRootRoute({ component: () => <VerifyPage email="ada@example.org" next="/rooms/1" /> });
  render(<RouterProvider router={createRouter({ routeTree, history: createMemoryHistory() })} />);
  return screen.findByLabelText('Code');
}

async function tryCode(code: string) {
  const user = userEvent.setup();
  await user.type(await open(), '271828');
  vi.mocked(endpoints.verifyEmail).mockRejectedValueOnce(new ApiProblem(409, { code }, null));
  await user.click(screen.getByRole('button', { name: 'Confirm' }));
}

it('says that the address was registered again, and leads to registering once more', async () => {
  await tryCode('registered-again');
  expect(await screen.findByRole('alert')).toHaveTextContent('registered again since');
  const link = screen.getByRole('link', { name: 'Register again' });
  expect(link.getAttribute('href')).toMatch(/^\/register\?next=/);
});

it('offers that for no other refusal', async () => {
  await tryCode('invalid-code');
  expect(await screen.findByText('This code is wrong or has expired.')).toBeVisible();
  expect(screen.queryByRole('link', { name: 'Register again' })).toBeNull();
});

it('has the focus on the code from the start', async () => {
  expect(await open()).toHaveFocus();
});

it('starts afresh with a new code: no old digits, no old error, and the focus on the field', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  await tryCode('invalid-code');
  const code = screen.getByLabelText('Code');
  await waitFor(() => expect(code).toBeInvalid());
  vi.mocked(endpoints.resendVerification).mockResolvedValueOnce(undefined as never);
  vi.setSystemTime(Date.now() + 31_000);
  const resend = await screen.findByRole('button', { name: 'Send a new code' }, { timeout: 5_000 });
  await userEvent.setup().click(resend);
  await waitFor(() => expect(code).toHaveValue(''));
  expect(code).toHaveFocus();
  expect(code).toBeValid();
});
