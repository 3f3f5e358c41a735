import type { ErrorComponentProps } from '@tanstack/react-router';
import { CloudOff, TriangleAlert } from 'lucide-react';
import { useEffect } from 'react';
import { ApiProblem, NetworkError } from '@/api/problem';
import { usePageTitle } from '@/lib/page-title';
import { text } from '@/lib/text';
import { Button } from '@/ui/button';
import { EmptyState } from '@/ui/empty-state';
import { router } from './router';

/** What stands in place of a page that broke, or whose server is away. The latter is tried again by itself. */
export function PageError({ error }: ErrorComponentProps) {
  const away = error instanceof NetworkError || (error instanceof ApiProblem && error.status >= 500);
  usePageTitle(away ? text.errors.networkTitle : text.crash.title);
  useEffect(() => {
    if (!away) return;
    const timer = setInterval(() => void router.invalidate(), 5_000);
    return () => clearInterval(timer);
  }, [away]);

  return (
    <main id="main" className="grid min-h-[80dvh] place-items-center">
      {away ? (
        <EmptyState
          level={1}
          icon={<CloudOff />}
          title={text.errors.networkTitle}
          action={<Button onClick={() => void router.invalidate()}>{text.common.retry}</Button>}
        >
          {text.errors.networkLead}
        </EmptyState>
      ) : (
        <EmptyState
          level={1}
          icon={<TriangleAlert />}
          title={text.crash.title}
          action={<Button onClick={() => window.location.reload()}>{text.crash.reload}</Button>}
        >
          {text.crash.lead}
        </EmptyState>
      )}
    </main>
  );
}
