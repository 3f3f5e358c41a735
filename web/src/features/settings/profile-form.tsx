import { updateProfile } from '@/api/endpoints';
import type { Me } from '@/api/types';
import { useForm } from '@/api/use-form';
import { text } from '@/lib/text';
import { Button } from '@/ui/button';
import { Field, Input, Textarea } from '@/ui/field';
import { FormError } from '@/ui/form-error';
import { toast } from '@/ui/toast';

const BIO_MAX = 500;

/** Names and a few lines about oneself. */
export function ProfileForm({ me }: { me: Me }) {
  const form = useForm({
    initial: { displayName: me.displayName, username: me.username, bio: me.bio },
    validate: (values) => {
      const displayName = [...values.displayName.trim()].length;
      const found = {
        displayName: displayName === 0 ? text.fields.required : displayName > 64 ? text.fields.tooLong(64) : undefined,
        username: values.username.trim() ? undefined : text.fields.required,
        bio: [...values.bio.trim()].length > BIO_MAX ? text.fields.tooLong(BIO_MAX) : undefined,
      };
      return Object.fromEntries(Object.entries(found).filter(([, error]) => error));
    },
    submit: async (values) => {
      const saved = await updateProfile({
        displayName: values.displayName.trim(),
        username: values.username.trim(),
        bio: values.bio.trim(),
      });
      form.set('displayName', saved.displayName);
      form.set('username', saved.username);
      form.set('bio', saved.bio);
      toast(text.settings.saved);
    },
    codes: { 'username-taken': 'username' },
  });
  const left = BIO_MAX - [...form.values.bio].length;

  return (
    <form ref={form.ref} onSubmit={form.onSubmit} noValidate className="flex flex-col gap-5">
      <FormError message={form.formError} />
      <div className="grid gap-5 sm:grid-cols-2">
        <Field label={text.settings.displayName} error={form.errors.displayName}>
          {(control) => <Input {...control} {...form.bind('displayName')} maxLength={64} autoComplete="name" />}
        </Field>
        <Field label={text.settings.username} error={form.errors.username}>
          {(control) => (
            <Input
              {...control}
              {...form.bind('username')}
              maxLength={32}
              autoComplete="nickname"
              autoCapitalize="none"
              spellCheck={false}
            />
          )}
        </Field>
      </div>
      <Field label={text.settings.bio} optional hint={text.settings.bioHint(left)} error={form.errors.bio}>
        {(control) => <Textarea {...control} {...form.bind('bio')} rows={4} />}
      </Field>
      <div>
        <Button type="submit" busy={form.busy}>
          {text.common.save}
        </Button>
      </div>
    </form>
  );
}
