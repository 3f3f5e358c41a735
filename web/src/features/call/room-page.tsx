import { Link } from '@tanstack/react-router';
import { CloudOff, DoorOpen, Lock } from 'lucide-react';
import { type ReactNode, type RefObject, useEffect, useEffectEvent, useLayoutEffect, useRef } from 'react';
import { messageOf } from '@/api/messages';
import { isProblem } from '@/api/problem';
import type { RoomDetails } from '@/api/types';
import { usePageTitle } from '@/lib/page-title';
import { text } from '@/lib/text';
import type { CallEngine } from '@/rtc/call-engine';
import { Button, buttonClass } from '@/ui/button';
import { EmptyState } from '@/ui/empty-state';
import { Skeleton } from '@/ui/skeleton';
import { CallView } from './call-view';
import { EndedCard } from './ended-card';
import { PreJoin } from './pre-join';
import { useCall } from './use-call';

interface RoomPageProps {
  roomId: string;
  engine: CallEngine;
  room: RoomDetails | undefined;
  error: unknown;
  onRetry: () => void;
  /** What can be done to the room besides being in it. */
  actions: ReactNode;
}

/** A room: the way in, the call, and the end of it. */
export function RoomPage({ roomId, engine, room, error, onRetry, actions }: RoomPageProps) {
  const isHere = useCall(engine, (state) => state.roomId === roomId);
  const phase = useCall(engine, (state) => state.phase);
  const end = useCall(engine, (state) => state.end);
  const name = useCall(engine, (state) => (state.roomId === roomId ? state.room?.name : undefined)) ?? room?.name;
  usePageTitle(name ?? text.room.loading);
  const view = useRef<HTMLDivElement>(null);

  const loading = !room && !error;
  const skeletonHadFocus = useRef(false);
  useEffect(() => {
    if (loading || !skeletonHadFocus.current) return;
    skeletonHadFocus.current = false;
    view.current?.querySelector<HTMLElement>('h1')?.focus({ preventScroll: true });
  }, [loading]);

  const refresh = useEffectEvent(onRetry);
  const inside = isHere && phase === 'in-call';
  const before = useRef(inside);
  useEffect(() => {
    if (before.current === inside) return;
    before.current = inside;
    // The button that had the focus is gone: the heading of what came instead takes it.
    view.current?.querySelector<HTMLElement>('h1')?.focus({ preventScroll: true });
    if (!inside) refresh();
  }, [inside]);

  function content() {
    if (inside) return <CallView engine={engine} actions={actions} />;
    if (isHere && phase === 'ended' && end && end.reason !== 'left') {
      return <EndedCard engine={engine} roomId={roomId} reason={end.reason} detail={end.detail} />;
    }
    if (room) return <PreJoin engine={engine} room={room} actions={actions} />;
    if (error) return <RoomError error={error} onRetry={onRetry} />;
    return <RoomSkeleton hadFocus={skeletonHadFocus} />;
  }

  return (
    <div ref={view} className="flex flex-1 flex-col">
      {content()}
    </div>
  );
}

function RoomError({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const back = (
    <Link to="/rooms" className={buttonClass()}>
      {text.common.backToRooms}
    </Link>
  );
  return (
    <main id="main" className="grid flex-1 place-items-center">
      {isProblem(error, 'room-not-found', 'not-found', 'validation-failed') ? (
        <EmptyState level={1} icon={<DoorOpen />} title={text.room.notFound} action={back}>
          {text.room.notFoundLead}
        </EmptyState>
      ) : isProblem(error, 'forbidden') ? (
        <EmptyState level={1} icon={<Lock />} title={text.room.private} action={back}>
          {text.room.privateLead}
        </EmptyState>
      ) : (
        <EmptyState
          level={1}
          icon={<CloudOff />}
          title={text.errors.networkTitle}
          action={<Button onClick={onRetry}>{text.common.retry}</Button>}
        >
          {messageOf(error)}
        </EmptyState>
      )}
    </main>
  );
}

/** Stands where the room will be, and tells in `hadFocus` at its end whether the focus goes with it. */
function RoomSkeleton({ hadFocus }: { hadFocus: RefObject<boolean> }) {
  const main = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    const element = main.current;
    // Runs before the element is taken out of the page, which would lose the focus silently.
    return () => {
      hadFocus.current = element?.contains(document.activeElement) ?? false;
    };
  }, [hadFocus]);
  return (
    <main ref={main} id="main" className="mx-auto w-full max-w-xl px-4 py-10" aria-busy="true">
      <h1 className="sr-only" tabIndex={-1}>
        {text.room.loading}
      </h1>
      <Skeleton className="h-9 w-2/3" />
      <Skeleton className="mt-3 h-5 w-full" />
      <Skeleton className="mt-8 h-64 w-full rounded-2xl" />
      <p className="sr-only" role="status">
        {text.app.loading}
      </p>
    </main>
  );
}
