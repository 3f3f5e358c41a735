import { Link, useNavigate } from '@tanstack/react-router';
import { login } from '@/api/endpoints';
import { isProblem } from '@/api/problem';
import { useForm } from '@/api/use-form';
import { usePageTitle } from '@/lib/page-title';
import { safePath } from '@/lib/safe-path';
import { text } from '@/lib/text';
import { Button } from '@/ui/button';
import { Field, Input } from '@/ui/field';
import { FormError } from '@/ui/form-error';
import { PasswordInput } from '@/ui/password-input';
import { AuthFrame } from './auth-frame';
import { LoginNote } from './login-note';
import { rememberRegistration } from './pending';
import { emailError } from './validation';

interface LoginPageProps {
  /** Where to go afterwards. */
  next: string | undefined;
  note: 'verified' | 'expired' | 'blocked' | undefined;
  email: string | undefined;
}

export function LoginPage({ next, note, email }: LoginPageProps) {
  const navigate = useNavigate();
  usePageTitle(text.login.title);
  const form = useForm({
    initial: { email: email ?? '', password: '' },
    validate: (values) => {
      const mail = emailError(values.email);
      return { ...(mail && { email: mail }), ...(!values.password && { password: text.fields.required }) };
    },
    submit: async (values) => {
      const address = values.email.trim();
      try {
        await login({ email: address, password: values.password });
      } catch (error) {
        if (!isProblem(error, 'email-not-verified')) throw error;
        rememberRegistration(address, values.password);
        await navigate({ to: '/verify', search: { email: address, ...(next && { next }) } });
        return;
      }
      await navigate({ href: safePath(next), replace: true });
    },
  });

  return (
    <AuthFrame title={text.login.title} lead={text.login.lead}>
      {note && <LoginNote note={note} />}
      {next?.startsWith('/invite/') && <LoginNote note="invited" />}
      <form ref={form.ref} onSubmit={form.onSubmit} noValidate className="flex flex-col gap-5">
        <FormError message={form.formError} />
        <Field label={text.login.email} error={form.errors.email}>
          {(control) => (
            <Input
              {...control}
              {...form.bind('email')}
              type="email"
              autoComplete="username"
              autoCapitalize="none"
              spellCheck={false}
            />
          )}
        </Field>
        <Field label={text.login.password} error={form.errors.password}>
          {(control) => <PasswordInput {...control} {...form.bind('password')} autoComplete="current-password" />}
        </Field>
        <Button type="submit" size="lg" busy={form.busy}>
          {text.login.submit}
        </Button>
      </form>
      <p className="mt-6 text-sm text-muted">
        {text.login.registerLead}{' '}
        <Link
          to="/register"
          search={next ? { next } : {}}
          className="font-medium text-accent-ink underline underline-offset-3"
        >
          {text.login.register}
        </Link>
      </p>
    </AuthFrame>
  );
}
