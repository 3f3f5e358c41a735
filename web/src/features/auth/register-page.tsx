import { Link, useNavigate } from '@tanstack/react-router';
import { Info } from 'lucide-react';
import { register } from '@/api/endpoints';
import { useForm } from '@/api/use-form';
import { usePageTitle } from '@/lib/page-title';
import { text } from '@/lib/text';
import { Banner } from '@/ui/banner';
import { Button } from '@/ui/button';
import { Field, Input } from '@/ui/field';
import { FormError } from '@/ui/form-error';
import { PasswordInput } from '@/ui/password-input';
import { AuthFrame } from './auth-frame';
import { PasswordHints } from './password-hints';
import { rememberRegistration } from './pending';
import { useServerInfo } from './use-server-info';
import { emailError, passwordError, passwordRules, usernameError } from './validation';

export function RegisterPage({ next }: { next: string | undefined }) {
  const navigate = useNavigate();
  const server = useServerInfo();
  const limits = { min: server?.passwordMin ?? 8, max: server?.passwordMax ?? 128 };
  usePageTitle(text.register.title);

  const form = useForm({
    initial: { email: '', username: '', password: '' },
    validate: (values) => {
      const found = {
        email: emailError(values.email),
        username: usernameError(values.username),
        password: passwordError(values.password, limits),
      };
      return Object.fromEntries(Object.entries(found).filter(([, error]) => error));
    },
    submit: async (values) => {
      const email = values.email.trim();
      await register({ email, username: values.username.trim(), password: values.password });
      rememberRegistration(email, values.password);
      await navigate({ to: '/verify', search: { email, ...(next && { next }) } });
    },
    codes: { 'username-taken': 'username' },
  });
  const rules = passwordRules(form.values.password, limits.min, form.values.email, form.values.username);

  return (
    <AuthFrame title={text.register.title} lead={text.register.lead}>
      {server?.registrationOpen === false && (
        <div className="mb-5">
          <Banner tone="warn" icon={<Info className="size-4.5 shrink-0" aria-hidden="true" />}>
            {text.register.closed}
          </Banner>
        </div>
      )}
      <form ref={form.ref} onSubmit={form.onSubmit} noValidate className="flex flex-col gap-5">
        <FormError message={form.formError} />
        <Field label={text.register.email} error={form.errors.email}>
          {(control) => (
            <Input
              {...control}
              {...form.bind('email')}
              type="email"
              autoComplete="email"
              autoCapitalize="none"
              spellCheck={false}
            />
          )}
        </Field>
        <Field label={text.register.username} hint={text.register.usernameHint} error={form.errors.username}>
          {(control) => (
            <Input
              {...control}
              {...form.bind('username')}
              autoComplete="nickname"
              autoCapitalize="none"
              spellCheck={false}
            />
          )}
        </Field>
        <Field
          label={text.register.password}
          error={form.errors.password}
          hint={<PasswordHints rules={rules} min={limits.min} />}
        >
          {(control) => <PasswordInput {...control} {...form.bind('password')} autoComplete="new-password" />}
        </Field>
        <Button type="submit" size="lg" busy={form.busy} disabled={server?.registrationOpen === false}>
          {text.register.submit}
        </Button>
      </form>
      <p className="mt-6 text-sm text-muted">
        {text.register.loginLead}{' '}
        <Link
          to="/login"
          search={next ? { next } : {}}
          className="font-medium text-accent-ink underline underline-offset-3"
        >
          {text.register.login}
        </Link>
      </p>
    </AuthFrame>
  );
}
