import { useEffect, useRef, useState } from 'react';
import { removeAvatar, uploadAvatar } from '@/api/endpoints';
import { messageOf } from '@/api/messages';
import type { Me } from '@/api/types';
import { text } from '@/lib/text';
import { Avatar } from '@/ui/avatar';
import { Button } from '@/ui/button';
import { FormError } from '@/ui/form-error';
import { toast } from '@/ui/toast';

const TYPES = ['image/png', 'image/jpeg', 'image/webp', 'image/gif'];
const MAX_BYTES = 5 * 1024 * 1024;

/** One's picture: choose one, look at it, use it; or go back to the drawn one. */
export function AvatarForm({ me }: { me: Me }) {
  const input = useRef<HTMLInputElement>(null);
  const [chosen, setChosen] = useState<{ file: File; url: string } | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  useEffect(() => () => URL.revokeObjectURL(chosen?.url ?? ''), [chosen]);

  function choose(file: File | undefined) {
    if (!file) return;
    if (!TYPES.includes(file.type)) return setError(text.settings.wrongType);
    if (file.size > MAX_BYTES) return setError(text.settings.tooLarge);
    setError(null);
    setChosen({ file, url: URL.createObjectURL(file) });
  }

  async function save(task: () => Promise<Me>, done: string) {
    setBusy(true);
    setError(null);
    try {
      await task();
      setChosen(null);
      toast(done);
    } catch (problem) {
      setError(messageOf(problem));
    } finally {
      setBusy(false);
    }
  }

  return (
    <div className="flex items-center gap-5">
      {chosen ? (
        <img
          src={chosen.url}
          alt={text.settings.preview}
          className="size-24 shrink-0 rounded-full bg-sunken object-cover"
        />
      ) : (
        <Avatar name={me.displayName} src={me.avatarUrl} size="xl" />
      )}
      <div className="min-w-0 flex-1">
        <h3 className="text-sm font-medium">{text.settings.avatar}</h3>
        <p id="avatar-lead" className="mt-0.5 text-sm text-muted">
          {text.settings.avatarLead}
        </p>
        <input
          ref={input}
          type="file"
          accept={TYPES.join(',')}
          aria-label={text.settings.upload}
          aria-describedby="avatar-lead"
          tabIndex={-1}
          className="sr-only"
          onChange={(event) => {
            choose(event.target.files?.[0]);
            event.target.value = '';
          }}
        />
        <div className="mt-3 flex flex-wrap gap-2">
          {chosen ? (
            <>
              <Button busy={busy} onClick={() => void save(() => uploadAvatar(chosen.file), text.settings.avatarSaved)}>
                {text.settings.use}
              </Button>
              <Button variant="ghost" disabled={busy} onClick={() => setChosen(null)}>
                {text.common.cancel}
              </Button>
            </>
          ) : (
            <>
              <Button variant="secondary" onClick={() => input.current?.click()}>
                {text.settings.upload}
              </Button>
              <Button variant="ghost" busy={busy} onClick={() => void save(removeAvatar, text.settings.avatarRemoved)}>
                {text.settings.remove}
              </Button>
            </>
          )}
        </div>
        <div className="mt-3 empty:hidden">{error && <FormError message={error} />}</div>
      </div>
    </div>
  );
}
