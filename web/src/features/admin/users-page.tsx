import { UserRoundSearch } from 'lucide-react';
import type { UserQuery, UserState } from '@/api/admin';
import type { AdminUser } from '@/api/types';
import { adminText } from '@/lib/admin-text';
import { Avatar } from '@/ui/avatar';
import { Badge } from '@/ui/badge';
import { Button } from '@/ui/button';
import { EmptyState } from '@/ui/empty-state';
import { ActionMenu } from './action-menu';
import { AdminFrame } from './admin-frame';
import { date, dateTime } from './format';
import { Filters, PagedList } from './paged-list';
import { Fact } from './parts';
import { useUsers } from './queries';
import { userActions } from './user-actions';

const STATES: UserState[] = ['admin', 'blocked', 'unverified'];
const words = adminText.userList;

interface UsersPageProps {
  /** The admin who looks. */
  me: string;
  query: UserQuery;
  onQuery: (query: UserQuery) => void;
  onAudit: (userId: string) => void;
}

/** Everybody who has an account. */
export function UsersPage({ me, query: asked, onQuery, onAudit }: UsersPageProps) {
  const query = useUsers(asked);
  const users = query.data?.pages.flatMap((page) => page.users);
  const filtered = asked.search !== '' || asked.state !== null;
  return (
    <AdminFrame title={adminText.users}>
      <h2 className="sr-only">{adminText.users}</h2>
      <Filters
        words={words}
        search={asked.search}
        onSearch={(search) => onQuery({ ...asked, search })}
        kind={asked.state}
        kinds={STATES.map((state) => [state, words.states[state]])}
        onKind={(state) => onQuery({ ...asked, state })}
      />
      <p className="sr-only" role="status">
        {filtered && users && !query.isPlaceholderData && words.results(users.length, query.hasNextPage)}
      </p>
      <div className="mt-4">
        <PagedList
          query={query}
          rows={users}
          failed={words.failed}
          empty={
            <EmptyState
              icon={<UserRoundSearch />}
              title={words.none}
              action={
                <Button variant="secondary" onClick={() => onQuery({ search: '', state: null })}>
                  {words.all}
                </Button>
              }
            >
              {words.noneLead}
            </EmptyState>
          }
        >
          {(users) => (
            <ul className="flex flex-col gap-3">
              {users.map((user) => (
                <UserRow key={user.id} user={user} isMe={user.id === me} onAudit={onAudit} />
              ))}
            </ul>
          )}
        </PagedList>
      </div>
    </AdminFrame>
  );
}

interface UserRowProps {
  user: AdminUser;
  isMe: boolean;
  onAudit: (userId: string) => void;
}

function UserRow({ user, isMe, onAudit }: UserRowProps) {
  return (
    <li className="rounded-2xl border border-line bg-surface p-4 shadow-card">
      <div className="flex items-start gap-3">
        <Avatar name={user.displayName} src={user.avatarUrl} size="md" />
        <div className="min-w-0 flex-1">
          <div className="flex flex-wrap items-center gap-x-2 gap-y-1">
            <h3 dir="auto" className="min-w-0 text-base font-semibold wrap-anywhere">
              {user.displayName}
            </h3>
            {user.role === 'admin' && <Badge tone="accent">{words.admin}</Badge>}
            {user.blockedAt && <Badge tone="danger">{words.blocked}</Badge>}
            {!user.emailVerified && <Badge tone="warn">{words.unverified}</Badge>}
            {isMe && <Badge>{words.you}</Badge>}
          </div>
          <p dir="auto" className="text-sm text-muted wrap-anywhere">
            @{user.username} · {user.email}
          </p>
        </div>
        <ActionMenu label={adminText.actionsFor(user.displayName)} actions={userActions(user, isMe, onAudit)} />
      </div>
      <dl className="mt-3 grid grid-cols-2 gap-x-4 gap-y-3 sm:grid-cols-4">
        <Fact label={words.registered}>{date(user.createdAt)}</Fact>
        <Fact label={words.lastLogin}>{user.lastLoginAt ? dateTime(user.lastLoginAt) : words.never}</Fact>
        <Fact label={words.sessions}>{user.sessions}</Fact>
        <Fact label={words.rooms}>{user.rooms}</Fact>
      </dl>
    </li>
  );
}
