import { Ban, CircleCheck, Info, Mail } from 'lucide-react';
import { text } from '@/lib/text';
import { Banner } from '@/ui/banner';

const ICONS = { verified: CircleCheck, expired: Info, blocked: Ban, invited: Mail };

/** Why one finds oneself at the login. */
export function LoginNote({ note }: { note: keyof typeof ICONS }) {
  const Icon = ICONS[note];
  return (
    <div className="mb-5">
      <Banner
        tone={note === 'expired' || note === 'blocked' ? 'warn' : 'accent'}
        icon={<Icon className="size-4.5 shrink-0" aria-hidden="true" />}
      >
        {text.login[note]}
      </Banner>
    </div>
  );
}
