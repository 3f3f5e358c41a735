import { Search, X } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { cn } from '@/lib/cn';
import { Input } from './field';

/** How long nobody must have typed before the text counts, in milliseconds. */
const PAUSE = 250;

interface SearchFieldProps {
  /** What is searched for; it stands in the address. */
  value: string;
  onChange: (value: string) => void;
  label: string;
  clearLabel: string;
  className?: string;
}

/** A search whose text reaches the address once the person stops typing. */
export function SearchField({ value, onChange, label, clearLabel, className }: SearchFieldProps) {
  const [typed, setTyped] = useState(value);
  const told = useRef(value);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const tell = useRef(onChange);

  useEffect(() => {
    tell.current = onChange;
  }, [onChange]);

  useEffect(() => () => clearTimeout(timer.current), []);

  useEffect(() => {
    // The address changed otherwise: the back button, or a link.
    if (value === told.current) return;
    clearTimeout(timer.current);
    told.current = value;
    setTyped(value);
  }, [value]);

  function type(text: string) {
    setTyped(text);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      if (text.trim() === told.current) return;
      told.current = text.trim();
      tell.current(told.current);
    }, PAUSE);
  }

  return (
    <search className={cn('relative block', className)}>
      <Search
        className="pointer-events-none absolute top-1/2 left-3 size-4.5 -translate-y-1/2 text-muted"
        aria-hidden="true"
      />
      <Input
        type="search"
        value={typed}
        maxLength={100}
        onChange={(event) => type(event.target.value)}
        aria-label={label}
        placeholder={label}
        className="px-10 [&::-webkit-search-cancel-button]:hidden"
      />
      {typed && (
        <button
          type="button"
          aria-label={clearLabel}
          onClick={() => type('')}
          className="absolute inset-y-0 right-0 grid w-11 place-items-center rounded-lg text-muted hover:text-ink"
        >
          <X className="size-4.5" aria-hidden="true" />
        </button>
      )}
    </search>
  );
}
