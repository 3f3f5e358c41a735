import { X } from 'lucide-react';
import { type ReactNode, type RefObject, useEffect, useId, useLayoutEffect, useRef } from 'react';
import { text } from '@/lib/text';
import { Button } from './button';

interface DialogProps {
  title: string;
  description?: ReactNode;
  onClose: () => void;
  /** Where the focus goes afterwards, if what had it is gone (an item of a menu). */
  returnFocus?: RefObject<HTMLElement | null>;
  children?: ReactNode;
}

/** A modal window, open for as long as it is rendered. The first control with `data-autofocus` gets the focus. */
export function Dialog({ title, description, onClose, returnFocus, children }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  /** Whether anything was typed or chosen here, which a click beside the window must not throw away. */
  const changed = useRef(false);

  useLayoutEffect(() => {
    const dialog = ref.current;
    if (!dialog) return;
    if (!dialog.open) dialog.showModal();
    dialog.querySelector<HTMLElement>('[data-autofocus]')?.focus();
    return () => {
      if (dialog.open) dialog.close();
    };
  }, []);

  // When what had the focus is replaced by something else, its first control takes over.
  useLayoutEffect(() => {
    const dialog = ref.current;
    if (dialog?.open && !dialog.contains(document.activeElement))
      dialog.querySelector<HTMLElement>('[data-autofocus]')?.focus();
  });

  useEffect(
    () => () => {
      const target = returnFocus?.current;
      if (document.activeElement === document.body) target?.focus();
    },
    [returnFocus],
  );

  return (
    <dialog
      ref={ref}
      aria-labelledby={`${id}-title`}
      aria-describedby={description ? `${id}-description` : undefined}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onMouseDown={(event) => {
        if (event.target === event.currentTarget && !changed.current) onClose();
      }}
      onInput={() => {
        changed.current = true;
      }}
      className="m-auto w-[min(30rem,calc(100vw-1.5rem))] max-h-[calc(100dvh-1.5rem)] overflow-visible rounded-2xl border border-line bg-raised text-ink shadow-pop open:animate-in max-sm:mb-3"
    >
      <div className="max-h-[calc(100dvh-1.5rem)] overflow-y-auto p-6 max-sm:p-5">
        <h2 id={`${id}-title`} className="pr-10 text-lg font-semibold">
          {title}
        </h2>
        {description && (
          <p id={`${id}-description`} className="mt-1 text-sm text-muted">
            {description}
          </p>
        )}
        <div className="mt-5">{children}</div>
      </div>
      <Button
        variant="ghost"
        size="icon"
        className="absolute top-3 right-3 text-muted"
        aria-label={text.common.close}
        onClick={onClose}
        icon={<X className="size-4.5" aria-hidden="true" />}
      />
    </dialog>
  );
}

/** The row of buttons at the end of a dialog. */
export function DialogActions({ children }: { children: ReactNode }) {
  return <div className="mt-6 flex flex-wrap justify-end gap-2 max-sm:*:flex-1">{children}</div>;
}
