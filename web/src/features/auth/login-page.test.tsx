import { createMemoryHistory, createRootRoute, createRouter, RouterProvider } from '@tanstack/react-router';
import { render, screen } from '@testing-library/react';
import { expect, it, vi } from 'vitest';
import { LoginPage } from './login-page';

vi.mock('@/api/endpoints');

async function open(next: string | undefined) {
  const component = () => <LoginPage next={next} note={undefined} email={undefined} />;
  const routeTree = createRootRoute({ component });
  render(<RouterProvider router={createRouter({ routeTree, history: createMemoryHistory() })} />);
  await screen.findByRole('button', { name: 'Log in' });
}

it('says that an invitation waits', async () => {
  await open('/invite/abc');
  expect(screen.getByText(/An invitation to a room waits for you/)).toBeVisible();
});

it.each([undefined, '/rooms/1', '/settings'])('says nothing of the kind on the way to %s', async (next) => {
  await open(next);
  expect(screen.queryByText(/invitation/)).toBeNull();
});
