import { useStore } from 'zustand';
import { announcements } from '@/lib/announce';

/** The two live regions through which `announce` reaches screen readers. Rendered once, always. */
export function Announcer() {
  const last = useStore(announcements, (state) => state.last);
  return (
    <>
      <div className="sr-only" aria-live="polite" data-testid="announcements">
        {last && !last.urgent && <p key={last.id}>{last.text}</p>}
      </div>
      <div className="sr-only" aria-live="assertive">
        {last?.urgent && <p key={last.id}>{last.text}</p>}
      </div>
    </>
  );
}
