import { Link } from '@tanstack/react-router';
import { Compass } from 'lucide-react';
import { usePageTitle } from '@/lib/page-title';
import { text } from '@/lib/text';
import { buttonClass } from '@/ui/button';
import { EmptyState } from '@/ui/empty-state';

export function NotFoundPage() {
  usePageTitle(text.notFound.title);
  return (
    <main id="main" className="grid min-h-dvh place-items-center">
      <EmptyState
        level={1}
        icon={<Compass />}
        title={text.notFound.title}
        action={
          <Link to="/rooms" className={buttonClass()}>
            {text.common.backToRooms}
          </Link>
        }
      >
        {text.notFound.lead}
      </EmptyState>
    </main>
  );
}
