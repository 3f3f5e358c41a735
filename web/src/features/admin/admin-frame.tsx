import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { adminText } from '@/lib/admin-text';
import { usePageTitle } from '@/lib/page-title';

const PAGES = [
  { to: '/admin/live', title: adminText.live },
  { to: '/admin/users', title: adminText.users },
  { to: '/admin/audit', title: adminText.audit },
] as const;

interface AdminFrameProps {
  title: string;
  children: ReactNode;
}

/** What all pages of the admin area share: the heading and the way to the other pages. */
export function AdminFrame({ title, children }: AdminFrameProps) {
  usePageTitle(`${title} · ${adminText.title}`);
  return (
    <main id="main" className="mx-auto w-full max-w-5xl flex-1 px-4 py-8 sm:px-6 max-sm:py-5">
      <h1 className="text-2xl font-semibold" tabIndex={-1}>
        {adminText.title}
      </h1>
      <nav aria-label={adminText.sections} className="mt-4 flex gap-1 border-b border-line">
        {PAGES.map(({ to, title }) => (
          <Link
            key={to}
            to={to}
            activeOptions={{ includeSearch: false }}
            className="-mb-px inline-flex min-h-11 items-center border-b-2 border-transparent px-3 text-sm font-medium text-muted hover:text-ink aria-[current=page]:border-accent aria-[current=page]:text-ink"
          >
            {title}
          </Link>
        ))}
      </nav>
      <div className="mt-6">{children}</div>
    </main>
  );
}
