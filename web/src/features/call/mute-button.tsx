import { Mic, MicOff } from 'lucide-react';
import { text } from '@/lib/text';
import type { CallEngine } from '@/rtc/call-engine';
import { isSelfMuted } from '@/rtc/call-state';
import { buttonClass } from '@/ui/button';
import { Tooltip } from '@/ui/tooltip';
import { useCall } from './use-call';

/** Mutes and unmutes; without a microphone it turns one on. */
export function MuteButton({
  engine,
  size = 'lg',
  className,
}: {
  engine: CallEngine;
  size?: 'md' | 'lg';
  className?: string;
}) {
  const muted = useCall(engine, isSelfMuted);
  const status = useCall(engine, (state) => state.microphone.status);

  if (status !== 'live') {
    return (
      <button
        type="button"
        aria-busy={status === 'requesting' || undefined}
        aria-label={text.call.addMicrophone}
        onClick={() => void turnOn(engine)}
        className={buttonClass('secondary', size, className)}
      >
        <MicOff className="size-4.5" aria-hidden="true" />
        <span className="max-sm:hidden">{text.call.addMicrophone}</span>
        <span className="sm:hidden max-[24rem]:hidden">{text.call.addMicrophoneShort}</span>
      </button>
    );
  }
  const Icon = muted ? MicOff : Mic;
  return (
    <Tooltip content={<kbd className="font-sans">{text.call.muteHint}</kbd>}>
      <button
        type="button"
        aria-keyshortcuts="M"
        onClick={() => engine.setMuted(!muted)}
        className={buttonClass(muted ? 'muted' : 'secondary', size, className)}
      >
        <Icon className="size-4.5" aria-hidden="true" />
        {muted ? text.call.unmute : text.call.mute}
      </button>
    </Tooltip>
  );
}

async function turnOn(engine: CallEngine): Promise<void> {
  if (await engine.openMicrophone()) engine.setMuted(false);
}
