import { Link } from '@tanstack/react-router';
import { AudioLines, CloudOff, Plus, Search, SearchX, X } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { messageOf } from '@/api/messages';
import { usePageTitle } from '@/lib/page-title';
import { text } from '@/lib/text';
import { useDebounced } from '@/lib/use-debounced';
import { Banner } from '@/ui/banner';
import { Button, buttonClass } from '@/ui/button';
import { EmptyState } from '@/ui/empty-state';
import { Input } from '@/ui/field';
import { Skeleton } from '@/ui/skeleton';
import { useRooms } from './queries';
import { RoomCard } from './room-card';

interface RoomsPageProps {
  /** What is searched for; it stands in the address. */
  search: string;
  onSearch: (search: string) => void;
}

export function RoomsPage({ search, onSearch }: RoomsPageProps) {
  usePageTitle(text.rooms.title);
  const [typed, setTyped] = useSearchField(search, onSearch);
  const query = useRooms(search);
  const rooms = query.data?.pages.flatMap((page) => page.rooms) ?? [];

  return (
    <main id="main" className="mx-auto w-full max-w-5xl flex-1 px-4 py-8 sm:px-6 max-sm:py-5">
      <div className="flex items-center justify-between gap-4">
        <h1 className="text-2xl font-semibold" tabIndex={-1}>
          {text.rooms.title}
        </h1>
        <Link to="/rooms/new" search={true} className={buttonClass()}>
          <Plus className="size-4" aria-hidden="true" />
          {text.rooms.create}
        </Link>
      </div>
      <search className="relative mt-5 block">
        <Search
          className="pointer-events-none absolute top-1/2 left-3 size-4.5 -translate-y-1/2 text-muted"
          aria-hidden="true"
        />
        <Input
          type="search"
          value={typed}
          maxLength={80}
          onChange={(event) => setTyped(event.target.value)}
          aria-label={text.rooms.search}
          placeholder={text.rooms.search}
          className="px-10 [&::-webkit-search-cancel-button]:hidden"
        />
        {typed && (
          <button
            type="button"
            aria-label={text.rooms.clear}
            onClick={() => setTyped('')}
            className="absolute inset-y-0 right-0 grid w-11 place-items-center rounded-lg text-muted hover:text-ink"
          >
            <X className="size-4.5" aria-hidden="true" />
          </button>
        )}
      </search>
      <p className="sr-only" role="status">
        {search && query.isSuccess && !query.isPlaceholderData && text.rooms.results(rooms.length, query.hasNextPage)}
      </p>
      <div className="mt-6">
        {query.isPending ? (
          <RoomsSkeleton />
        ) : query.isError && rooms.length === 0 ? (
          <EmptyState
            icon={<CloudOff />}
            title={text.rooms.failed}
            action={<Button onClick={() => void query.refetch()}>{text.common.retry}</Button>}
          >
            {messageOf(query.error)}
          </EmptyState>
        ) : rooms.length === 0 ? (
          <NoRooms search={search} onClear={() => setTyped('')} />
        ) : (
          <>
            {query.isError && (
              <div className="mb-4">
                <Banner tone="warn" icon={<CloudOff className="size-4.5 shrink-0" aria-hidden="true" />}>
                  {messageOf(query.error)}
                </Banner>
              </div>
            )}
            <ul className="grid grid-cols-1 gap-3 sm:grid-cols-2 lg:grid-cols-3">
              {rooms.map((room) => (
                <RoomCard key={room.id} room={room} />
              ))}
            </ul>
            {query.hasNextPage && (
              <div className="mt-6 flex justify-center">
                <Button variant="secondary" busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                  {text.rooms.more}
                </Button>
              </div>
            )}
          </>
        )}
      </div>
    </main>
  );
}

/** The text in the search field, which reaches the address once the person stops typing. */
function useSearchField(search: string, onSearch: (search: string) => void): [string, (typed: string) => void] {
  const [typed, setTyped] = useState(search);
  const debounced = useDebounced(typed, 250);
  const sent = useRef(search);

  useEffect(() => {
    if (debounced.trim() === sent.current) return;
    sent.current = debounced.trim();
    onSearch(sent.current);
  }, [debounced, onSearch]);

  useEffect(() => {
    // The address changed otherwise: the back button, or a link.
    if (search === sent.current) return;
    sent.current = search;
    setTyped(search);
  }, [search]);

  return [typed, setTyped];
}

function NoRooms({ search, onClear }: { search: string; onClear: () => void }) {
  if (search) {
    return (
      <EmptyState
        icon={<SearchX />}
        title={text.rooms.none(search)}
        action={
          <Button variant="secondary" onClick={onClear}>
            {text.rooms.clear}
          </Button>
        }
      >
        {text.rooms.noneLead}
      </EmptyState>
    );
  }
  return (
    <EmptyState
      icon={<AudioLines />}
      title={text.rooms.empty}
      action={
        <Link to="/rooms/new" className={buttonClass('primary', 'lg')}>
          <Plus className="size-4.5" aria-hidden="true" />
          {text.rooms.createFirst}
        </Link>
      }
    >
      {text.rooms.emptyLead}
    </EmptyState>
  );
}

function RoomsSkeleton() {
  return (
    <div className="grid grid-cols-1 gap-3 sm:grid-cols-2 lg:grid-cols-3" aria-busy="true">
      {['a', 'b', 'c', 'd', 'e', 'f'].map((key) => (
        <Skeleton key={key} className="h-32 rounded-2xl" />
      ))}
      <p className="sr-only" role="status">
        {text.app.loading}
      </p>
    </div>
  );
}
