import { type ReactNode, useState } from 'react';
import { cn } from '@/lib/cn';

interface AvatarProps {
  name: string;
  src: string | null;
  size: 'sm' | 'md' | 'lg' | 'xl';
  /** The ring around who speaks goes here. */
  children?: ReactNode;
  className?: string;
}

const SIZES = {
  sm: 'size-7 text-xs',
  md: 'size-9 text-sm',
  lg: 'size-20 text-xl max-sm:size-16',
  xl: 'size-24 text-2xl',
};

/** A round picture; the initials where there is none. Decoration: the name stands beside it. */
export function Avatar({ name, src, size, children, className }: AvatarProps) {
  const [failed, setFailed] = useState<string | null>(null);
  return (
    <span aria-hidden="true" className={cn('relative inline-grid shrink-0', SIZES[size], className)}>
      {src && failed !== src ? (
        <img
          src={src}
          alt=""
          draggable={false}
          decoding="async"
          onError={() => setFailed(src)}
          className="size-full rounded-full bg-sunken object-cover"
        />
      ) : (
        <span className="grid size-full place-items-center rounded-full bg-accent-soft font-semibold text-accent-ink">
          {initials(name)}
        </span>
      )}
      {children}
    </span>
  );
}

/** The first letters of the first and last word. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  const first = [...(words[0] ?? '')][0] ?? '';
  const last = words.length > 1 ? ([...(words.at(-1) ?? '')][0] ?? '') : '';
  return (first + last).toUpperCase();
}
