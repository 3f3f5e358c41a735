import { Tooltip as Radix } from 'radix-ui';
import type { ReactNode } from 'react';

export function TooltipProvider({ children }: { children: ReactNode }) {
  return <Radix.Provider delayDuration={400}>{children}</Radix.Provider>;
}

/** A few words about a control, on hover and on focus. The control needs an accessible name of its own. */
export function Tooltip({ content, children }: { content: ReactNode; children: ReactNode }) {
  return (
    <Radix.Root>
      <Radix.Trigger asChild>{children}</Radix.Trigger>
      <Radix.Content
        sideOffset={6}
        collisionPadding={8}
        className="z-50 max-w-64 animate-in rounded-lg border border-line bg-raised px-2.5 py-1.5 text-xs text-ink shadow-pop"
      >
        {content}
      </Radix.Content>
    </Radix.Root>
  );
}
