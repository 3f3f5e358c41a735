import { CircleAlert, CircleCheck, X } from 'lucide-react';
import { useStore } from 'zustand';
import { createStore } from 'zustand/vanilla';
import { text } from '@/lib/text';

interface Toast {
  id: number;
  message: string;
  tone: 'success' | 'error';
}

/** How long a message stays, in milliseconds. */
const DURATION = 6_000;
/** How many stand there at once, the newest on top; the oldest make room. */
const MOST = 3;
const toasts = createStore<{ list: readonly Toast[] }>(() => ({ list: [] }));
let nextId = 1;

/** Shows a short message for a while. */
export function toast(message: string, tone: Toast['tone'] = 'success'): void {
  const id = nextId++;
  toasts.setState(({ list }) => ({
    list: [{ id, message, tone }, ...list.filter((t) => t.message !== message)].slice(0, MOST),
  }));
  setTimeout(() => dismiss(id), DURATION);
}

function dismiss(id: number): void {
  toasts.setState(({ list }) => ({ list: list.filter((t) => t.id !== id) }));
}

/** Where the messages appear: above the controls at the foot, where no title is. Rendered once, always, so that screen readers watch it from the start. */
export function Toaster() {
  const list = useStore(toasts, (state) => state.list);
  return (
    <div
      role="status"
      aria-live="polite"
      className="pointer-events-none fixed inset-x-0 bottom-[calc(6rem+env(safe-area-inset-bottom))] z-50 flex flex-col items-center gap-2 px-3 max-sm:*:nth-[n+3]:hidden"
    >
      {list.map(({ id, message, tone }) => (
        <div
          key={id}
          className="pointer-events-auto flex max-w-md animate-in items-center gap-2.5 rounded-xl border border-line bg-raised py-1.5 pr-1.5 pl-3.5 text-sm shadow-pop"
        >
          {tone === 'error' ? (
            <CircleAlert className="size-4.5 shrink-0 text-danger-ink" aria-hidden="true" />
          ) : (
            <CircleCheck className="size-4.5 shrink-0 text-accent-ink" aria-hidden="true" />
          )}
          <span dir="auto" className="min-w-0 wrap-anywhere">
            {message}
          </span>
          <button
            type="button"
            aria-label={text.common.close}
            onClick={() => dismiss(id)}
            className="grid size-8 shrink-0 place-items-center rounded-lg text-muted hover:bg-hover hover:text-ink max-sm:size-11"
          >
            <X className="size-4" aria-hidden="true" />
          </button>
        </div>
      ))}
    </div>
  );
}
