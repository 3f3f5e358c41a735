import { Check, Circle } from 'lucide-react';
import { cn } from '@/lib/cn';
import { text } from '@/lib/text';
import type { PasswordRules } from './validation';

/** The rules for a password, ticked off while it is typed. */
export function PasswordHints({ rules, min }: { rules: PasswordRules; min: number }) {
  const { rules: words } = text.register;
  const lines = [
    { met: rules.length, label: words.length(min) },
    { met: rules.different, label: words.different },
    { met: rules.varied, label: words.varied },
  ];
  return (
    <>
      <span className="sr-only">{words.label}:</span>
      <ul className="flex flex-col gap-1">
        {lines.map(({ met, label }) => {
          const Icon = met ? Check : Circle;
          return (
            <li key={label} className={cn('flex items-center gap-2 transition-colors', met && 'text-accent-ink')}>
              <Icon className={cn('shrink-0', met ? 'size-4' : 'mx-0.75 size-2.5')} aria-hidden="true" />
              {label}
              <span className="sr-only">({met ? words.met : words.unmet})</span>
            </li>
          );
        })}
      </ul>
    </>
  );
}
