import { ScrollText } from 'lucide-react';
import type { AuditQuery } from '@/api/admin';
import type { AuditEntry } from '@/api/types';
import { adminText } from '@/lib/admin-text';
import { Button } from '@/ui/button';
import { EmptyState } from '@/ui/empty-state';
import { AdminFrame } from './admin-frame';
import { exactTime } from './format';
import { Filters, PagedList } from './paged-list';
import { useAudit } from './queries';

const words = adminText.auditLog;

interface AuditPageProps {
  query: AuditQuery;
  onQuery: (query: AuditQuery) => void;
}

/** What admins, room owners and the operator did. */
export function AuditPage({ query: asked, onQuery }: AuditPageProps) {
  const query = useAudit(asked);
  const entries = query.data?.pages.flatMap((page) => page.entries);
  const filtered = asked.search !== '' || asked.action !== null || asked.user !== null;
  return (
    <AdminFrame title={adminText.audit}>
      <h2 className="sr-only">{adminText.audit}</h2>
      <Filters
        words={words}
        search={asked.search}
        onSearch={(search) => onQuery({ ...asked, search })}
        kind={asked.action}
        kinds={Object.entries(words.actions)}
        onKind={(action) => onQuery({ ...asked, action })}
      />
      {asked.user && (
        <div className="mt-3 flex items-center gap-3 text-sm text-muted">
          {words.aboutUser}
          <Button variant="secondary" onClick={() => onQuery({ ...asked, user: null })}>
            {words.aboutEverybody}
          </Button>
        </div>
      )}
      <div className="mt-4">
        <PagedList
          query={query}
          rows={entries}
          failed={words.failed}
          empty={
            <EmptyState icon={<ScrollText />} title={filtered ? words.none : words.empty}>
              {filtered ? words.noneLead : words.emptyLead}
            </EmptyState>
          }
        >
          {(entries) => (
            <ol className="divide-y divide-line rounded-2xl border border-line bg-surface shadow-card">
              {entries.map((entry) => (
                <EntryRow key={entry.id} entry={entry} />
              ))}
            </ol>
          )}
        </PagedList>
      </div>
    </AdminFrame>
  );
}

function EntryRow({ entry }: { entry: AuditEntry }) {
  const { target, room } = entry;
  return (
    <li className="flex gap-x-4 gap-y-1 px-4 py-3 text-sm max-sm:flex-col sm:items-baseline">
      <time dateTime={entry.at} className="shrink-0 text-muted tabular-nums sm:w-48">
        {exactTime(entry.at)}
      </time>
      <p className="min-w-0 flex-1 wrap-anywhere">
        <span className="font-medium">{words.actions[entry.action] ?? entry.action}</span>
        {target && (
          <>
            : <bdi className="font-medium">{target.name}</bdi>
          </>
        )}
        {room && (
          <>
            {' '}
            <bdi>{words.inRoom(room.name)}</bdi>
          </>
        )}{' '}
        <bdi className="text-muted">{words.by(actorOf(entry))}</bdi>
        {entry.detail && <span className="block text-muted">{entry.detail}</span>}
      </p>
    </li>
  );
}

function actorOf(entry: AuditEntry): string {
  if (entry.actor) return entry.actor.name;
  return entry.actorKind === 'operator' ? words.operator : words.server;
}
