import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, it, vi } from 'vitest';
import type { RoomDetails } from '@/api/types';
import { Toaster } from '@/ui/toast';
import { RoomActions } from './room-actions';

const ROOM: RoomDetails = {
  id: 'room-1',
  name: 'Tea',
  description: '',
  isPrivate: false,
  maxParticipants: 10,
  maxForwardedSpeakers: 8,
  ownerId: 'ada',
  isOwner: false,
  participantCount: 0,
  createdAt: '2026-11-21T10:00:00.000000Z',
  updatedAt: '2026-11-21T10:00:00.000000Z',
  participants: [],
};

function setUp(isOwner: boolean) {
  const user = userEvent.setup();
  const write = vi.spyOn(navigator.clipboard, 'writeText');
  render(
    <QueryClientProvider client={new QueryClient()}>
      <RoomActions room={{ ...ROOM, isOwner }} onDeleted={() => undefined} />
      <Toaster />
    </QueryClientProvider>,
  );
  return { user, write };
}

const link = `${window.location.origin}/rooms/room-1`;

it('lets a guest copy the link, and do nothing else', async () => {
  const { user, write } = setUp(false);
  expect(screen.getAllByRole('button')).toHaveLength(1);
  await user.click(screen.getByRole('button', { name: 'Copy link' }));
  expect(write).toHaveBeenCalledWith(link);
  expect(await screen.findByText('Link copied.')).toBeVisible();
});

it('shows the link where the browser gives no clipboard', async () => {
  const { user, write } = setUp(false);
  write.mockRejectedValueOnce(new DOMException('denied', 'NotAllowedError'));
  await user.click(screen.getByRole('button', { name: 'Copy link' }));
  expect(await screen.findByText(link)).toBeVisible();
});

it("has it in the owner's menu too", async () => {
  const { user, write } = setUp(true);
  await user.click(screen.getByRole('button', { name: 'Room options' }));
  await user.click(await screen.findByRole('menuitem', { name: 'Copy link' }));
  expect(write).toHaveBeenCalledWith(link);
});
