import { createMemoryHistory, createRootRoute, createRouter, RouterProvider } from '@tanstack/react-router';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, it, vi } from 'vitest';
import * as endpoints from '@/api/endpoints';
import { ApiProblem } from '@/api/problem';
import { VerifyPage } from './verify-page';

vi.mock('@/api/endpoints');

beforeEach(() => {
  vi.mocked(endpoints.getServerInfo).mockReturnValue(new Promise(() => undefined));
});

async function tryCode(code: string) {
  const routeTree = createRootRoute({ component: () => <VerifyPage email="ada@example.org" next="/rooms/1" /> });
  render(<RouterProvider router={createRouter({ routeTree, history: createMemoryHistory() })} />);
  const user = userEvent.setup();
  await user.type(await screen.findByLabelText('Code'), '271828');
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
