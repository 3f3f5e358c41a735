import type { InfiniteData, UseInfiniteQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { adminText } from '@/lib/admin-text';
import { Button } from '@/ui/button';
import { SearchField } from '@/ui/search-field';
import { Select } from '@/ui/select';
import { LoadFailed, RowsSkeleton, Stale } from './parts';

interface FiltersProps<K extends string> {
  words: { search: string; clear: string; filter: string; all: string };
  search: string;
  onSearch: (search: string) => void;
  /** The kind that is shown; `null` for all. */
  kind: K | null;
  kinds: [K, string][];
  onKind: (kind: K | null) => void;
}

/** What a list is narrowed down by: words, and one of several kinds. */
export function Filters<K extends string>({ words, search, onSearch, kind, kinds, onKind }: FiltersProps<K>) {
  return (
    <div className="flex gap-2 max-sm:flex-col">
      <SearchField
        value={search}
        onChange={onSearch}
        label={words.search}
        clearLabel={words.clear}
        className="min-w-0 flex-1"
      />
      <div className="sm:w-56">
        <Select
          aria-label={words.filter}
          value={kind ?? ''}
          onChange={(event) => onKind((event.target.value || null) as K | null)}
        >
          <option value="">{words.all}</option>
          {kinds.map(([kind, label]) => (
            <option key={kind} value={kind}>
              {label}
            </option>
          ))}
        </Select>
      </div>
    </div>
  );
}

interface PagedListProps<P, T> {
  query: UseInfiniteQueryResult<InfiniteData<P>>;
  rows: T[] | undefined;
  /** What is said when it could not be loaded. */
  failed: string;
  /** What stands there when there are no rows. */
  empty: ReactNode;
  children: (rows: T[]) => ReactNode;
}

/** A list that comes a page at a time: loading, failed, empty, or rows and the way to more. */
export function PagedList<P, T>({ query, rows, failed, empty, children }: PagedListProps<P, T>) {
  if (!rows) {
    if (!query.isError) return <RowsSkeleton />;
    return <LoadFailed title={failed} error={query.error} onRetry={() => void query.refetch()} />;
  }
  if (rows.length === 0) return empty;
  return (
    <>
      {query.isError && <Stale error={query.error} />}
      {children(rows)}
      {query.hasNextPage && (
        <div className="mt-6 flex justify-center">
          <Button variant="secondary" busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
            {adminText.more}
          </Button>
        </div>
      )}
    </>
  );
}
