import { text } from '@/lib/text';
import { Logo } from '@/ui/logo';

/** Shown while a page's code or the login is fetched, if that takes long enough to notice. */
export function PagePending() {
  return (
    <main id="main" className="grid min-h-[60dvh] place-items-center" aria-busy="true">
      <Logo className="size-10 animate-pulse-soft" />
      <p className="sr-only" role="status">
        {text.app.loading}
      </p>
    </main>
  );
}
