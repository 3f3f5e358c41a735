import { useEffect } from 'react';
import { text } from './text';

/** Names the page in the tab, and so to screen readers when the route changes. */
export function usePageTitle(title: string): void {
  useEffect(() => {
    document.title = title === text.app.name ? title : `${title} · ${text.app.name}`;
  }, [title]);
}
