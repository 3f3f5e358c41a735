import type { ReactNode } from 'react';
import { cn } from '@/lib/cn';

const TONES = {
  neutral: 'bg-hover text-ink',
  accent: 'bg-accent-soft text-accent-ink',
  warn: 'bg-warn-soft text-warn-ink',
  danger: 'bg-danger-soft text-danger-ink',
};

interface BannerProps {
  tone: keyof typeof TONES;
  icon?: ReactNode;
  action?: ReactNode;
  /** `alert` interrupts a screen reader, `status` waits. */
  role?: 'alert' | 'status';
  children: ReactNode;
}

/** A line across the page about something that goes on. What one can do stands beside it, or below where that is too narrow. */
export function Banner({ tone, icon, action, role = 'status', children }: BannerProps) {
  return (
    <div
      role={role}
      className={cn('flex flex-wrap items-center gap-x-3 gap-y-2 rounded-xl px-4 py-2.5 text-sm', TONES[tone])}
    >
      <div className="flex min-w-0 flex-[1_1_16rem] items-center gap-3">
        {icon}
        <div className="min-w-0 flex-1">{children}</div>
      </div>
      {action}
    </div>
  );
}
