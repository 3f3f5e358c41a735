import type { ButtonHTMLAttributes, ReactNode, Ref } from 'react';
import { cn } from '@/lib/cn';
import { Spinner } from './spinner';

export type ButtonVariant = 'primary' | 'secondary' | 'muted' | 'ghost' | 'danger' | 'danger-ghost';
export type ButtonSize = 'md' | 'lg' | 'icon';

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  variant?: ButtonVariant;
  size?: ButtonSize;
  /** Shows that the work is under way and takes no further clicks. */
  busy?: boolean;
  icon?: ReactNode;
  ref?: Ref<HTMLButtonElement>;
}

const VARIANTS: Record<ButtonVariant, string> = {
  primary: 'bg-accent text-on-accent hover:bg-accent-hover shadow-card',
  secondary: 'bg-control text-ink border border-line hover:bg-hover shadow-card',
  muted: 'bg-danger-soft text-danger-ink border border-transparent hover:border-danger-ink',
  ghost: 'text-ink hover:bg-hover',
  danger: 'bg-danger text-white hover:bg-danger-hover shadow-card',
  'danger-ghost': 'text-danger-ink hover:bg-danger-soft',
};

const SIZES: Record<ButtonSize, string> = {
  md: 'min-h-9 max-sm:min-h-11 px-3.5 gap-2 text-sm',
  lg: 'min-h-11 px-5 gap-2.5 text-base',
  icon: 'size-9 max-sm:size-11',
};

/** The classes of a button, for links that look like one. */
export function buttonClass(variant: ButtonVariant = 'primary', size: ButtonSize = 'md', className?: string): string {
  return cn(
    'inline-flex shrink-0 items-center justify-center rounded-lg font-medium whitespace-nowrap select-none transition-colors',
    'disabled:opacity-55 disabled:pointer-events-none aria-disabled:opacity-55',
    VARIANTS[variant],
    SIZES[size],
    className,
  );
}

export function Button({
  variant = 'primary',
  size = 'md',
  busy = false,
  icon,
  className,
  children,
  onClick,
  ...rest
}: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      aria-busy={busy || undefined}
      aria-disabled={busy || undefined}
      onClick={busy ? (event) => event.preventDefault() : onClick}
      className={buttonClass(variant, size, className)}
    >
      {busy ? <Spinner /> : icon}
      {children}
    </button>
  );
}
