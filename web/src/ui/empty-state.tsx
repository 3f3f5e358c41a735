import type { ReactNode } from 'react';

interface EmptyStateProps {
  icon: ReactNode;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
  /** The page's only heading is an `h1`. */
  level?: 1 | 2;
}

/** What stands where there is nothing else: why, and what to do. */
export function EmptyState({ icon, title, children, action, level = 2 }: EmptyStateProps) {
  const Heading = level === 1 ? 'h1' : 'h2';
  return (
    <div className="mx-auto flex max-w-md flex-col items-center px-6 py-16 text-center">
      <span
        aria-hidden="true"
        className="mb-4 grid size-12 place-items-center rounded-2xl bg-accent-soft text-accent-ink *:size-5.5"
      >
        {icon}
      </span>
      <Heading className="text-lg font-semibold" {...(level === 1 && { tabIndex: -1 })}>
        {title}
      </Heading>
      {children && <p className="mt-1.5 text-pretty text-muted">{children}</p>}
      {action && <div className="mt-6 flex flex-wrap justify-center gap-2">{action}</div>}
    </div>
  );
}
