import { CloudOff } from 'lucide-react';
import type { ReactNode } from 'react';
import { adminText } from '@/lib/admin-text';
import { text } from '@/lib/text';
import { Banner } from '@/ui/banner';
import { Button } from '@/ui/button';
import { EmptyState } from '@/ui/empty-state';
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
