import type { ReactNode } from 'react';
import { text } from '@/lib/text';
import { Logo } from '@/ui/logo';
import { Wave } from './wave';

/** The page around login, registration and confirmation: the form, and on wide screens something to look at. */
export function AuthFrame({ title, lead, children }: { title: string; lead: ReactNode; children: ReactNode }) {
  return (
    <div className="grid min-h-dvh lg:grid-cols-[minmax(0,1fr)_minmax(0,1.1fr)]">
      <div className="flex flex-col px-6 py-6 sm:px-10">
        <header className="flex items-center gap-2.5">
          <Logo />
          <span className="text-lg font-semibold tracking-tight">{text.app.name}</span>
        </header>
        <main id="main" className="mx-auto flex w-full max-w-[23rem] flex-1 flex-col justify-center py-10">
          <h1 className="text-2xl font-semibold" tabIndex={-1}>
            {title}
          </h1>
          <p className="mt-1.5 text-muted">{lead}</p>
          <div className="mt-7">{children}</div>
        </main>
      </div>
      <aside
        aria-hidden="true"
        className="relative m-3 hidden flex-col justify-end overflow-hidden rounded-3xl bg-accent-soft p-12 lg:flex"
      >
        <Wave className="absolute inset-x-0 top-1/2 w-full -translate-y-[62%] text-accent" />
        <p className="relative max-w-sm text-3xl font-semibold tracking-tight text-balance text-accent-ink">
          {text.app.tagline}
        </p>
      </aside>
    </div>
  );
}
