import { Check, Copy } from 'lucide-react';
import { type RefObject, useRef, useState } from 'react';
import { createInvite } from '@/api/endpoints';
import type { Invite } from '@/api/types';
import { useForm } from '@/api/use-form';
import { announce } from '@/lib/announce';
import { text } from '@/lib/text';
import { Button } from '@/ui/button';
import { Dialog, DialogActions } from '@/ui/dialog';
import { Field, Input } from '@/ui/field';
import { FormError } from '@/ui/form-error';
import { Select } from '@/ui/select';

const HOUR = 3_600;
const DAY = 24 * HOUR;
const LIFETIMES = [HOUR, DAY, 7 * DAY, 30 * DAY];
const USES = [null, 1, 5, 25, 100];

interface InviteDialogProps {
  roomId: string;
  onClose: () => void;
  returnFocus: RefObject<HTMLElement | null>;
}

/** Makes a link that lets others into a room. The link is shown once: the server keeps only its hash. */
export function InviteDialog({ roomId, onClose, returnFocus }: InviteDialogProps) {
  const [invite, setInvite] = useState<Invite | null>(null);
  const form = useForm({
    initial: { expiresInSeconds: 7 * DAY, maxUses: null as number | null },
    validate: () => ({}),
    submit: async (values) => setInvite(await createInvite(roomId, values)),
  });

  return (
    <Dialog title={text.invite.title} description={text.invite.lead} onClose={onClose} returnFocus={returnFocus}>
      {invite ? (
        <InviteLink invite={invite} onAnother={() => setInvite(null)} onClose={onClose} />
      ) : (
        <form ref={form.ref} onSubmit={form.onSubmit} className="flex flex-col gap-5">
          <FormError message={form.formError} />
          <div className="grid gap-4 sm:grid-cols-2">
            <Field label={text.invite.expires}>
              {(control) => (
                <Select
                  {...control}
                  data-autofocus=""
                  value={form.values.expiresInSeconds}
                  onChange={(event) => form.set('expiresInSeconds', Number(event.target.value))}
                >
                  {LIFETIMES.map((seconds) => (
                    <option key={seconds} value={seconds}>
                      {seconds < DAY ? text.invite.hour : text.invite.days(seconds / DAY)}
                    </option>
                  ))}
                </Select>
              )}
            </Field>
            <Field label={text.invite.uses}>
              {(control) => (
                <Select
                  {...control}
                  value={form.values.maxUses ?? ''}
                  onChange={(event) => form.set('maxUses', event.target.value ? Number(event.target.value) : null)}
                >
                  {USES.map((count) => (
                    <option key={count} value={count ?? ''}>
                      {count === null ? text.invite.unlimited : text.invite.times(count)}
                    </option>
                  ))}
                </Select>
              )}
            </Field>
          </div>
          <DialogActions>
            <Button variant="secondary" onClick={onClose}>
              {text.common.cancel}
            </Button>
            <Button type="submit" busy={form.busy}>
              {text.invite.create}
            </Button>
          </DialogActions>
        </form>
      )}
    </Dialog>
  );
}

function InviteLink({ invite, onAnother, onClose }: { invite: Invite; onAnother: () => void; onClose: () => void }) {
  const [copied, setCopied] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const until = new Date(invite.expiresAt).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });

  async function copy() {
    input.current?.select();
    try {
      await navigator.clipboard.writeText(invite.url);
    } catch {
      // Without the permission, or over plain http, the selected text is one key press away.
      return;
    }
    setCopied(true);
    announce(text.common.copied);
  }

  return (
    <>
      <Field label={text.invite.link} hint={text.invite.until(until)}>
        {(control) => (
          <div className="flex gap-2">
            <Input
              {...control}
              ref={input}
              readOnly
              value={invite.url}
              onFocus={(event) => event.target.select()}
              className="min-w-0 flex-1"
            />
            <Button
              className="min-h-10"
              data-autofocus=""
              onClick={() => void copy()}
              icon={
                copied ? (
                  <Check className="size-4" aria-hidden="true" />
                ) : (
                  <Copy className="size-4" aria-hidden="true" />
                )
              }
            >
              {copied ? text.common.copied : text.invite.copy}
            </Button>
          </div>
        )}
      </Field>
      <DialogActions>
        <Button variant="ghost" onClick={onAnother}>
          {text.invite.another}
        </Button>
        <Button variant="secondary" onClick={onClose}>
          {text.common.close}
        </Button>
      </DialogActions>
    </>
  );
}
