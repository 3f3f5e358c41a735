import { Link, useNavigate } from '@tanstack/react-router';
import { ExternalLink } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { login, resendVerification, verifyEmail } from '@/api/endpoints';
import { messageOf } from '@/api/messages';
import { ApiProblem } from '@/api/problem';
import { useForm } from '@/api/use-form';
import { usePageTitle } from '@/lib/page-title';
import { safePath } from '@/lib/safe-path';
import { text } from '@/lib/text';
import { useNow } from '@/lib/use-now';
import { Button } from '@/ui/button';
import { Field, Input } from '@/ui/field';
import { FormError } from '@/ui/form-error';
import { toast } from '@/ui/toast';
import { AuthFrame } from './auth-frame';
import { takePassword } from './pending';
import { useServerInfo } from './use-server-info';
import { emailError } from './validation';

/** The server sends at most one mail in this time, in milliseconds. */
const RESEND_PAUSE = 30_000;

export function VerifyPage({ email, next }: { email: string | undefined; next: string | undefined }) {
  const navigate = useNavigate();
  const server = useServerInfo();
  /** Whether somebody registered the address again, so that the code in the mailbox is not for this registration. */
  const [replaced, setReplaced] = useState(false);
  usePageTitle(text.verify.title);
  const code = useRef<HTMLInputElement>(null);
  useEffect(() => {
    // Without an address that is asked for first.
    if (email) code.current?.focus();
  }, [email]);

  const form = useForm({
    initial: { email: email ?? '', code: '' },
    validate: (values) => {
      const mail = emailError(values.email);
      const codeOk = /^\d{6}$/.test(values.code);
      return { ...(mail && { email: mail }), ...(!codeOk && { code: text.fields.code }) };
    },
    submit: async (values) => {
      const address = values.email.trim();
      try {
        await verifyEmail({ email: address, code: values.code });
      } catch (error) {
        setReplaced(error instanceof ApiProblem && error.code === 'registered-again');
        throw error;
      }
      const password = takePassword(address);
      if (password !== null) {
        const loggedIn = await login({ email: address, password }).catch(() => null);
        if (loggedIn) return navigate({ href: safePath(next), replace: true });
      }
      await navigate({ to: '/login', search: { note: 'verified', email: address, ...(next && { next }) } });
    },
    codes: { 'invalid-code': 'code', 'too-many-attempts': 'code' },
  });

  return (
    <AuthFrame title={text.verify.title} lead={email ? text.verify.lead(email) : text.verify.leadNoEmail}>
      <form ref={form.ref} onSubmit={form.onSubmit} noValidate className="flex flex-col gap-5">
        <FormError message={form.formError} />
        {replaced && (
          <Link
            to="/register"
            search={next ? { next } : {}}
            className="text-sm font-medium text-accent-ink underline underline-offset-3"
          >
            {text.verify.registerAgain}
          </Link>
        )}
        {!email && (
          <Field label={text.verify.email} error={form.errors.email}>
            {(control) => <Input {...control} {...form.bind('email')} type="email" autoComplete="email" />}
          </Field>
        )}
        <Field label={text.verify.code} hint={text.verify.codeHint} error={form.errors.code}>
          {(control) => (
            <Input
              {...control}
              {...form.bind('code')}
              ref={code}
              {...(email && { 'data-autofocus': '' })}
              onChange={(event) => form.set('code', event.target.value.replace(/\D/g, '').slice(0, 6))}
              inputMode="numeric"
              autoComplete="one-time-code"
              className="h-13! text-center font-mono text-xl! tracking-[0.45em] tabular-nums"
            />
          )}
        </Field>
        <Button type="submit" size="lg" busy={form.busy}>
          {text.verify.submit}
        </Button>
      </form>
      <Resend
        email={form.values.email}
        onSent={() => {
          form.restart('code');
          setReplaced(false);
          code.current?.focus();
        }}
      />
      <p className="mt-6 text-sm text-muted">
        {text.verify.wrongAddress}{' '}
        <Link
          to="/register"
          search={next ? { next } : {}}
          className="font-medium text-accent-ink underline underline-offset-3"
        >
          {text.verify.startOver}
        </Link>
      </p>
      {server?.devOutbox && (
        <p className="mt-6 border-t border-line pt-4 text-sm text-muted">
          {text.verify.outboxHint}{' '}
          <a
            href="/dev/outbox"
            target="_blank"
            rel="noreferrer"
            className="inline-flex items-center gap-1 font-medium text-accent-ink underline underline-offset-3"
          >
            {text.verify.outbox}
            <ExternalLink className="size-3.5" aria-hidden="true" />
            <span className="sr-only">({text.verify.newTab})</span>
          </a>
        </p>
      )}
    </AuthFrame>
  );
}

/** Asks for another code, not more often than the server sends one. */
function Resend({ email, onSent }: { email: string; onSent: () => void }) {
  const [until, setUntil] = useState(() => Date.now() + RESEND_PAUSE);
  const [busy, setBusy] = useState(false);
  const now = useNow(until > Date.now());
  const seconds = Math.max(0, Math.ceil((until - now) / 1000));

  async function resend() {
    setBusy(true);
    try {
      await resendVerification(email.trim());
      toast(text.verify.resent);
      setUntil(Date.now() + RESEND_PAUSE);
      onSent();
    } catch (error) {
      toast(messageOf(error), 'error');
    } finally {
      setBusy(false);
    }
  }

  return (
    <Button
      variant="ghost"
      className="mt-3 w-full"
      busy={busy}
      disabled={seconds > 0 || emailError(email) !== undefined}
      onClick={() => void resend()}
    >
      {seconds > 0 ? text.verify.resendIn(seconds) : text.verify.resend}
    </Button>
  );
}
