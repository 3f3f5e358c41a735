import { Link } from '@tanstack/react-router';
import { AudioLines, CloudOff, Plus, SearchX } from 'lucide-react';
import { messageOf } from '@/api/messages';
import { usePageTitle } from '@/lib/page-title';
import { text } from '@/lib/text';
import { Banner } from '@/ui/banner';
import { Button, buttonClass } from '@/ui/button';
import { EmptyState } from '@/ui/empty-state';
import { SearchField } from '@/ui/search-field';
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
      <SearchField
        value={search}
        onChange={onSearch}
        label={text.rooms.search}
        clearLabel={text.rooms.clear}
        className="mt-5"
      />
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
          <NoRooms search={search} onClear={() => onSearch('')} />
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
