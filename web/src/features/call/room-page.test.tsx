import { createMemoryHistory, createRootRoute, createRouter, RouterProvider } from '@tanstack/react-router';
import { act, render, screen } from '@testing-library/react';
import { useState } from 'react';
import { expect, it } from 'vitest';
import type { RoomDetails } from '@/api/types';
import { CallEngine } from '@/rtc/call-engine';
import { RoomPage } from './room-page';

const ROOM: RoomDetails = {
  id: 'room',
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

const engine = new CallEngine({
  signalingUrl: () => 'ws://host/ws',
  checkLogin: async () => 'valid',
  iceServers: { get: async () => [], freshFor: () => null },
});

async function open() {
  let arrive: (room: RoomDetails) => void = () => undefined;
  function Page() {
    const [room, setRoom] = useState<RoomDetails>();
    arrive = setRoom;
    return <RoomPage roomId="room" engine={engine} room={room} error={null} onRetry={() => undefined} actions={null} />;
  }
  const routeTree = createRootRoute({ component: Page });
  render(<RouterProvider router={createRouter({ routeTree, history: createMemoryHistory() })} />);
  const skeleton = await screen.findByRole('heading', { name: 'Room' });
  return { skeleton, arrive: (room = ROOM) => act(() => arrive(room)) };
}

function person(name: string): RoomDetails['participants'][number] {
  return {
    id: name,
    userId: name,
    username: name,
    displayName: name,
    avatarUrl: '/avatar',
    muted: false,
    mutedByModerator: false,
    joinedAt: ROOM.createdAt,
  };
}

it('hands the focus of the page that loads on to the room', async () => {
  const { skeleton, arrive } = await open();
  skeleton.focus();
  await arrive();
  expect(screen.getByRole('heading', { name: 'Tea' })).toHaveFocus();
});

it('takes the focus from nobody who had it elsewhere', async () => {
  const { arrive } = await open();
  const elsewhere = document.body.appendChild(document.createElement('button'));
  elsewhere.focus();
  await arrive();
  expect(elsewhere).toHaveFocus();
  elsewhere.remove();
});

it('shows some faces of a hall and says how many more there are, though not all of them are listed', async () => {
  const { arrive } = await open();
  const names = Array.from({ length: 100 }, (_, n) => `Guest ${n}`);
  await arrive({ ...ROOM, participantCount: 2000, participants: names.map(person) });
  expect(screen.getByText('Guest 7')).toBeInTheDocument();
  expect(screen.queryByText('Guest 8')).toBeNull();
  expect(screen.getByText('and 1992 more')).toBeInTheDocument();
});
