import { ChevronRight } from 'lucide-react';
import { useState } from 'react';
import type { RoomFields } from '@/api/types';
import { useForm } from '@/api/use-form';
import { text } from '@/lib/text';
import { Button } from '@/ui/button';
import { DialogActions } from '@/ui/dialog';
import { Field, Input, Textarea } from '@/ui/field';
import { FormError } from '@/ui/form-error';
import { Switch } from '@/ui/switch';

interface RoomFormProps {
  initial: RoomFields;
  /** A room that exists: people may be in it. */
  existing?: boolean;
  submitLabel: string;
  onSubmit: (fields: RoomFields) => Promise<unknown>;
  onCancel: () => void;
}

/** Name, description, privacy and seats, for a new room or one that is changed. */
export function RoomForm({ initial, existing = false, submitLabel, onSubmit, onCancel }: RoomFormProps) {
  const [advanced, setAdvanced] = useState(false);
  const form = useForm({
    initial: {
      ...initial,
      maxParticipants: String(initial.maxParticipants),
      maxForwardedSpeakers: String(initial.maxForwardedSpeakers ?? ''),
    },
    validate: (values) => {
      const found = {
        name: nameError(values.name),
        description: descriptionError(values.description),
        maxParticipants: seatsError(values.maxParticipants),
        maxForwardedSpeakers: speakersError(values.maxForwardedSpeakers),
      };
      return Object.fromEntries(Object.entries(found).filter(([, error]) => error));
    },
    submit: async (values) => {
      await onSubmit({
        name: values.name.trim(),
        description: values.description.trim(),
        isPrivate: values.isPrivate,
        maxParticipants: parseCount(values.maxParticipants),
        ...(values.maxForwardedSpeakers.trim() && { maxForwardedSpeakers: parseCount(values.maxForwardedSpeakers) }),
      });
    },
  });

  return (
    <form ref={form.ref} onSubmit={form.onSubmit} noValidate className="flex flex-col gap-5">
      <FormError message={form.formError} />
      <Field label={text.roomForm.name} error={form.errors.name}>
        {(control) => <Input {...control} {...form.bind('name')} maxLength={80} autoComplete="off" data-autofocus="" />}
      </Field>
      <Field label={text.roomForm.description} optional error={form.errors.description}>
        {(control) => <Textarea {...control} {...form.bind('description')} maxLength={500} />}
      </Field>
      <Field label={text.roomForm.max} hint={text.roomForm.maxHint} error={form.errors.maxParticipants}>
        {(control) => <Input {...control} {...form.bind('maxParticipants')} inputMode="numeric" className="max-w-32" />}
      </Field>
      <Switch
        label={text.roomForm.private}
        hint={existing && !initial.isPrivate ? text.roomForm.privateHintInside : text.roomForm.privateHint}
        checked={form.values.isPrivate}
        onChange={(isPrivate) => form.set('isPrivate', isPrivate)}
      />
      <details
        className="group"
        open={advanced || form.errors.maxForwardedSpeakers !== undefined}
        onToggle={(event) => setAdvanced(event.currentTarget.open)}
      >
        <summary className="flex min-h-11 cursor-pointer items-center gap-1.5 text-sm font-medium">
          <ChevronRight className="size-4 text-muted transition-transform group-open:rotate-90" aria-hidden="true" />
          {text.roomForm.advanced}
        </summary>
        <Field
          className="mt-2"
          label={text.roomForm.speakers}
          hint={text.roomForm.speakersHint}
          error={form.errors.maxForwardedSpeakers}
        >
          {(control) => (
            <Input
              {...control}
              {...form.bind('maxForwardedSpeakers')}
              inputMode="numeric"
              placeholder={text.roomForm.speakersDefault}
              className="max-w-60"
            />
          )}
        </Field>
      </details>
      <DialogActions>
        <Button variant="secondary" onClick={onCancel}>
          {text.common.cancel}
        </Button>
        <Button type="submit" busy={form.busy}>
          {submitLabel}
        </Button>
      </DialogActions>
    </form>
  );
}

function nameError(name: string): string | undefined {
  const length = [...name.trim()].length;
  if (length === 0) return text.fields.required;
  return length > 80 ? text.fields.tooLong(80) : undefined;
}

function descriptionError(description: string): string | undefined {
  return [...description.trim()].length > 500 ? text.fields.tooLong(500) : undefined;
}

function seatsError(seats: string): string | undefined {
  const count = parseCount(seats);
  return count >= 2 && count <= 10_000 ? undefined : text.fields.max;
}

/** How many the server forwards at most, only the server knows. */
function speakersError(speakers: string): string | undefined {
  return speakers.trim() === '' || parseCount(speakers) >= 1 ? undefined : text.fields.speakers;
}

/** A whole number, with or without marks between its thousands: 10000, 10,000, 10 000, 10’000. */
function parseCount(typed: string): number {
  const number = typed.trim();
  return /^(\d{1,5}|\d{1,3}([,\s'’]\d{3})+)$/.test(number) ? Number(number.replace(/\D/g, '')) : Number.NaN;
}
