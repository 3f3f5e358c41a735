import { QueryClientProvider } from '@tanstack/react-query';
import { Link, Outlet, useNavigate, useParams } from '@tanstack/react-router';
import { useEffect } from 'react';
import { useStore } from 'zustand';
import { logout } from '@/api/endpoints';
import { messageOf } from '@/api/messages';
import { session } from '@/api/session';
import { CallDock } from '@/features/call/call-dock';
import { CallNarrator } from '@/features/call/call-narrator';
import { text } from '@/lib/text';
import { Logo } from '@/ui/logo';
import { toast } from '@/ui/toast';
import { TooltipProvider } from '@/ui/tooltip';
import { AccountMenu } from './account-menu';
import { call } from './call';
import { queryClient } from './query-client';

/** The frame of every page behind the login: top bar, page, and the call one is in. */
export default function Shell() {
  const navigate = useNavigate();
  const me = useStore(session, (state) => state.me);
  const { roomId } = useParams({ strict: false });
  useEffect(() => () => queryClient.clear(), []);

  return (
    <QueryClientProvider client={queryClient}>
      <TooltipProvider>
        <div className="flex min-h-dvh flex-col">
          <header className="sticky top-0 z-20 border-b border-line bg-canvas/90 backdrop-blur-md">
            <div className="mx-auto flex h-14 max-w-5xl items-center gap-2 px-4 sm:px-6">
              <Link
                to="/rooms"
                className="flex min-h-11 items-center gap-2.5 rounded-lg pr-2"
                aria-label={text.app.name}
              >
                <Logo className="size-7" />
                <span className="font-semibold tracking-tight max-sm:sr-only">{text.app.name}</span>
              </Link>
              <nav aria-label={text.nav.main} className="flex-1">
                <Link
                  to="/rooms"
                  activeOptions={{ exact: true, includeSearch: false }}
                  className="inline-flex min-h-9 items-center rounded-lg px-3 text-sm font-medium text-muted hover:bg-hover hover:text-ink aria-[current=page]:text-ink max-sm:min-h-11"
                >
                  {text.nav.rooms}
                </Link>
              </nav>
              {me && (
                <AccountMenu
                  me={me}
                  onSettings={() => void navigate({ to: '/settings' })}
                  onAdmin={() => void navigate({ to: '/admin/live' })}
                  onLogout={() => logout().catch((error) => toast(messageOf(error), 'error'))}
                />
              )}
            </div>
          </header>
          <Outlet />
          <CallDock engine={call} visibleRoomId={roomId} />
        </div>
        <CallNarrator engine={call} />
      </TooltipProvider>
    </QueryClientProvider>
  );
}
