import { MicOff } from 'lucide-react';
import { text } from '@/lib/text';
import type { MicrophoneProblem } from '@/rtc/microphone';

/** Why there is no microphone, and what helps. */
export function MicrophoneProblemPanel({ problem }: { problem: MicrophoneProblem }) {
  const { title, lead } = text.microphone[problem];
  return (
    <div role="alert" className="flex gap-3 rounded-xl bg-warn-soft p-4 text-warn-ink">
      <MicOff className="mt-0.5 size-5 shrink-0" aria-hidden="true" />
      <div>
        <h2 className="font-semibold">{title}</h2>
        <p className="mt-0.5 text-sm">{lead}</p>
      </div>
    </div>
  );
}
