import { CircleCheck, Info } from 'lucide-react';
import { text } from '@/lib/text';
import { Banner } from '@/ui/banner';

/** Why one finds oneself at the login. */
export function LoginNote({ note }: { note: 'verified' | 'expired' }) {
  const Icon = note === 'verified' ? CircleCheck : Info;
  return (
    <div className="mb-5">
      <Banner
        tone={note === 'verified' ? 'accent' : 'warn'}
        icon={<Icon className="size-4.5 shrink-0" aria-hidden="true" />}
      >
        {text.login[note]}
      </Banner>
    </div>
  );
}
