import { Outlet, useRouterState } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';
import { announce } from '@/lib/announce';
import { text } from '@/lib/text';
import { Announcer } from '@/ui/announcer';
import { Toaster } from '@/ui/toast';

/** What every page has: the skip link, the live regions, and care for the focus when the page changes. */
export function Root() {
  useFocusOnNavigation();
  return (
    <>
      <a
        href="#main"
        className="fixed top-2 left-2 z-50 -translate-y-16 rounded-lg bg-accent px-4 py-2.5 font-medium text-on-accent focus:translate-y-0"
      >
        {text.app.skip}
      </a>
      <Outlet />
      <Toaster />
      <Announcer />
    </>
  );
}

/** After a change of page the focus goes to what it is for or to its heading, and the title is read out, as with a page load. */
function useFocusOnNavigation(): void {
  const path = useRouterState({ select: (state) => state.resolvedLocation?.pathname });
  const previous = useRef<string>(undefined);
  useEffect(() => {
    const before = previous.current;
    previous.current = path;
    if (!before || !path || before === path || isSamePage(before, path)) return;
    const first = ['main [data-autofocus]', 'main h1', 'main'].map((part) => document.querySelector<HTMLElement>(part));
    first.find((element) => element !== null)?.focus({ preventScroll: true });
    announce(document.title);
  }, [path]);
}

/** The dialog for a new room is an address of its own, but no other page. */
function isSamePage(a: string, b: string): boolean {
  const page = (path: string) => path.replace(/^\/rooms\/new$/, '/rooms');
  return page(a) === page(b);
}
