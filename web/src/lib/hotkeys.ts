import { useEffect, useEffectEvent } from 'react';

const TYPING =
  'input:not([type=button], [type=checkbox], [type=radio], [type=range], [type=submit]), textarea, select, [contenteditable]:not([contenteditable=false]), [role=textbox], [role=menu], dialog[open]';

/** Whether a key press belongs to what has the focus: a text field, an open menu or dialog, or a shortcut of the browser's. */
export function isTyping(event: KeyboardEvent): boolean {
  if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return true;
  const target = event.composedPath()[0];
  return target instanceof Element && target.closest(TYPING) !== null;
}

/** Calls `action` when `key` is pressed anywhere on the page, but not while somebody types. Holding it down counts once. */
export function useHotkey(key: string, action: () => void): void {
  const onKey = useEffectEvent((event: KeyboardEvent) => {
    if (event.key.toLowerCase() !== key || event.repeat || isTyping(event)) return;
    event.preventDefault();
    action();
  });
  useEffect(() => {
    const listener = (event: KeyboardEvent) => onKey(event);
    document.addEventListener('keydown', listener);
    return () => document.removeEventListener('keydown', listener);
  }, []);
}
