import { cn } from '@/lib/cn';

/** A speech bubble with a voice in it. */
export function Logo({ className }: { className?: string }) {
  return (
    <svg viewBox="0 0 32 32" className={cn('size-8', className)} aria-hidden="true">
      <path
        className="fill-accent"
        d="M8 2h16a7 7 0 0 1 7 7v9a7 7 0 0 1-7 7h-8.6l-6.1 5a1.4 1.4 0 0 1-2.3-1.1V25A7 7 0 0 1 1 18V9a7 7 0 0 1 7-7Z"
      />
      <path
        className="stroke-on-accent"
        fill="none"
        strokeWidth="2.6"
        strokeLinecap="round"
        d="M8.2 12.1v2.8M13.4 8.6v9.8M18.6 10.4v6.2M23.8 12.1v2.8"
      />
    </svg>
  );
}
