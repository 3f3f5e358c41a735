import { cn } from '@/lib/cn';

/** The place of something that is still loading. */
export function Skeleton({ className }: { className?: string }) {
  return <div aria-hidden="true" className={cn('animate-pulse-soft rounded-lg bg-hover', className)} />;
}
