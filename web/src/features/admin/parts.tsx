import { CloudOff, Search, X } from 'lucide-react';
import type { ReactNode } from 'react';
import { useEffect, useRef, useState } from 'react';
import { adminText } from '@/lib/admin-text';
import { text } from '@/lib/text';
import { useDebounced } from '@/lib/use-debounced';
import { Banner } from '@/ui/banner';
import { Button } from '@/ui/button';
import { EmptyState } from '@/ui/empty-state';
import { Input } from '@/ui/field';
import { Skeleton } from '@/ui/skeleton';
import { adminMessageOf } from './messages';

/** One number or word with its name above it. */
export function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className="min-w-0">
      <dt className="text-xs text-muted">{label}</dt>
      <dd className="text-sm wrap-anywhere tabular-nums">{children}</dd>
    </div>
  );
}

/** A list that is being loaded. */
export function RowsSkeleton() {
  return (
    <div className="flex flex-col gap-3" aria-busy="true">
      {['a', 'b', 'c', 'd'].map((key) => (
        <Skeleton key={key} className="h-20 rounded-2xl" />
      ))}
      <p className="sr-only" role="status">
        {text.app.loading}
      </p>
    </div>
  );
}

/** A list that could not be loaded. */
export function LoadFailed({ title, error, onRetry }: { title: string; error: unknown; onRetry: () => void }) {
  return (
    <EmptyState icon={<CloudOff />} title={title} action={<Button onClick={onRetry}>{text.common.retry}</Button>}>
      {adminMessageOf(error)}
    </EmptyState>
  );
}

/** What is shown is old: asking again failed. */
export function Stale({ error }: { error: unknown }) {
  return (
    <div className="mb-4">
      <Banner tone="warn" icon={<CloudOff className="size-4.5 shrink-0" aria-hidden="true" />}>
        {adminText.stale} {adminMessageOf(error)}
      </Banner>
    </div>
  );
}

interface SearchFieldProps {
  value: string;
  onChange: (value: string) => void;
  label: string;
  clearLabel: string;
}

/** A search whose text reaches the address once the person stops typing. */
export function SearchField({ value, onChange, label, clearLabel }: SearchFieldProps) {
  const [typed, setTyped] = useState(value);
  const debounced = useDebounced(typed, 250);
  const sent = useRef(value);

  useEffect(() => {
    if (debounced.trim() === sent.current) return;
    sent.current = debounced.trim();
    onChange(sent.current);
  }, [debounced, onChange]);

  useEffect(() => {
    // The address changed otherwise: the back button, or a link.
    if (value === sent.current) return;
    sent.current = value;
    setTyped(value);
  }, [value]);

  return (
    <search className="relative block min-w-0 flex-1">
      <Search
        className="pointer-events-none absolute top-1/2 left-3 size-4.5 -translate-y-1/2 text-muted"
        aria-hidden="true"
      />
      <Input
        type="search"
        value={typed}
        maxLength={100}
        onChange={(event) => setTyped(event.target.value)}
        aria-label={label}
        placeholder={label}
        className="px-10 [&::-webkit-search-cancel-button]:hidden"
      />
      {typed && (
        <button
          type="button"
          aria-label={clearLabel}
          onClick={() => setTyped('')}
          className="absolute inset-y-0 right-0 grid w-11 place-items-center rounded-lg text-muted hover:text-ink"
        >
          <X className="size-4.5" aria-hidden="true" />
        </button>
      )}
    </search>
  );
}
