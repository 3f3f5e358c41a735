import { type FormEvent, useLayoutEffect, useRef, useState } from 'react';
import { messageOf } from './messages';
import { ApiProblem } from './problem';

export type FieldErrors<T> = Partial<Record<keyof T & string, string>>;

interface FormOptions<T> {
  initial: T;
  /** What is wrong with the values, by field. Asked before sending, and while the person corrects. */
  validate: (values: T) => FieldErrors<T>;
  /** Sends the form; what it rejects with becomes errors at the fields or above the form. */
  submit: (values: T) => Promise<void>;
  /** Fields that stand for problem codes, as `username` does for `username-taken`. */
  codes?: Partial<Record<string, keyof T & string>>;
}

/** A form whose submit is a request: values, errors at the right fields, and the focus on the first of them. */
export function useForm<T extends Record<string, unknown>>({ initial, validate, submit, codes }: FormOptions<T>) {
  const [values, setValues] = useState(initial);
  const [attempted, setAttempted] = useState(false);
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const [refused, setRefused] = useState<FieldErrors<T>>({});
  const [formError, setFormError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [focusRequest, setFocusRequest] = useState(0);
  const ref = useRef<HTMLFormElement>(null);

  const found = validate(values);
  const errors: FieldErrors<T> = { ...refused };
  for (const name of Object.keys(found) as (keyof T & string)[]) {
    if ((attempted || touched.has(name)) && found[name]) errors[name] = found[name];
  }

  useLayoutEffect(() => {
    if (focusRequest > 0) ref.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus();
  }, [focusRequest]);

  function set<K extends keyof T & string>(name: K, value: T[K]): void {
    setValues((before) => ({ ...before, [name]: value }));
    setRefused(({ [name]: _, ...others }) => others as FieldErrors<T>);
    setFormError(null);
  }

  /** As if nothing had been typed yet in one field, and nothing asked. */
  function restart<K extends keyof T & string>(name: K): void {
    set(name, initial[name]);
    setAttempted(false);
    setTouched(new Set());
    setRefused({});
  }

  function explain(error: unknown): void {
    const byField: FieldErrors<T> = {};
    if (error instanceof ApiProblem) {
      for (const { field, detail } of error.fields)
        if (field in values) byField[field as keyof T & string] = sentence(detail);
      const field = codes?.[error.code];
      if (field) byField[field] = messageOf(error);
    }
    setRefused(byField);
    if (Object.keys(byField).length === 0) setFormError(messageOf(error));
    setFocusRequest((n) => n + 1);
  }

  async function onSubmit(event?: FormEvent): Promise<void> {
    event?.preventDefault();
    if (busy) return;
    setAttempted(true);
    setFormError(null);
    if (Object.keys(found).length > 0) return setFocusRequest((n) => n + 1);
    setBusy(true);
    try {
      await submit(values);
    } catch (error) {
      explain(error);
    } finally {
      setBusy(false);
    }
  }

  /** The props that tie a text control to its value. */
  function bind(name: keyof T & string) {
    return {
      name,
      value: String(values[name] ?? ''),
      onChange: (event: { target: { value: string } }) => set(name, event.target.value as T[typeof name]),
      onBlur: () => values[name] && setTouched((before) => new Set(before).add(name)),
    };
  }

  return { values, set, restart, bind, errors, formError, busy, onSubmit, ref };
}

/** The server's details begin in lower case and speak of the field; here they stand below it. */
function sentence(detail: string): string {
  const trimmed = detail.trim();
  return trimmed.charAt(0).toUpperCase() + trimmed.slice(1) + (/[.!?]$/.test(trimmed) ? '' : '.');
}
