import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { CloudOff, LinkIcon } from 'lucide-react';
import { useEffect, useEffectEvent } from 'react';
import { acceptInvite } from '@/api/endpoints';
import { messageOf } from '@/api/messages';
import { isProblem } from '@/api/problem';
import type { Room } from '@/api/types';
import { usePageTitle } from '@/lib/page-title';
import { text } from '@/lib/text';
import { Button, buttonClass } from '@/ui/button';
import { EmptyState } from '@/ui/empty-state';
import { Spinner } from '@/ui/spinner';

/** Takes an invitation up and goes to its room. */
export function InvitePage({ token, onAccepted }: { token: string; onAccepted: (room: Room) => void }) {
  usePageTitle(text.invite.accepting);
  // A query and not an effect: rendered twice, it still uses the invitation up once.
  const { data, error, refetch } = useQuery({
    queryKey: ['invites', token],
    queryFn: () => acceptInvite(token),
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
    refetchOnWindowFocus: false,
  });
  const accepted = useEffectEvent(onAccepted);
  useEffect(() => {
    if (data) accepted(data);
  }, [data]);

  return (
    <main id="main" className="grid flex-1 place-items-center">
      {!error ? (
        <EmptyState level={1} icon={<Spinner />} title={text.invite.accepting} />
      ) : isProblem(error, 'invite-invalid', 'not-found', 'room-not-found', 'validation-failed') ? (
        <EmptyState
          level={1}
          icon={<LinkIcon />}
          title={text.invite.failed}
          action={
            <Link to="/rooms" className={buttonClass()}>
              {text.common.backToRooms}
            </Link>
          }
        >
          {text.invite.failedLead}
        </EmptyState>
      ) : (
        <EmptyState
          level={1}
          icon={<CloudOff />}
          title={text.errors.networkTitle}
          action={<Button onClick={() => void refetch()}>{text.common.retry}</Button>}
        >
          {messageOf(error)}
        </EmptyState>
      )}
    </main>
  );
}
