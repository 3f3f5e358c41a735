import { Mic } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { text } from '@/lib/text';
import type { CallEngine } from '@/rtc/call-engine';
import { meterShare } from '@/rtc/level-meter';
import { Button } from '@/ui/button';
import { Select } from '@/ui/select';
import { useCall } from './use-call';
import { useMicrophones } from './use-microphones';

/** What the browser will ask, and for those who want to know before, a level bar and the choice of devices. */
export function MicrophoneCheck({ engine }: { engine: CallEngine }) {
  const status = useCall(engine, (state) => state.microphone.status);
  const deviceId = useCall(engine, (state) => state.microphone.deviceId);
  const devices = useMicrophones(status);
  const willAsk = useWillAsk();

  if (status !== 'live') {
    return (
      <div className="flex items-center gap-4 max-sm:flex-col max-sm:items-stretch max-sm:gap-2">
        <p className="min-w-0 flex-1 text-sm text-muted">{willAsk ? text.room.permission : text.room.ready}</p>
        <Button
          variant="secondary"
          busy={status === 'requesting'}
          onClick={() => void engine.openMicrophone()}
          icon={<Mic className="size-4" aria-hidden="true" />}
        >
          {text.room.check}
        </Button>
      </div>
    );
  }
  return (
    <div>
      <div className="flex items-center gap-3">
        <Select
          aria-label={text.room.microphone}
          value={deviceId ?? ''}
          onChange={(event) => void engine.openMicrophone(event.target.value)}
          className="min-w-0 flex-1"
        >
          {devices.map((device, index) => (
            <option key={device.deviceId} value={device.deviceId}>
              {device.label || text.call.microphoneFallback(index + 1)}
            </option>
          ))}
        </Select>
        <Button variant="secondary" onClick={() => engine.closeMicrophone()}>
          {text.room.stopCheck}
        </Button>
      </div>
      <LevelBar engine={engine} />
      <p className="mt-1.5 text-sm text-muted">{text.room.checking}</p>
    </div>
  );
}

function LevelBar({ engine }: { engine: CallEngine }) {
  const bar = useRef<HTMLDivElement>(null);
  useEffect(
    () =>
      engine.microphone.meter.subscribe((decibels) => {
        bar.current?.style.setProperty('--level', meterShare(decibels).toFixed(3));
      }),
    [engine],
  );
  return (
    <div role="img" aria-label={text.room.level} className="mt-3 h-2 overflow-hidden rounded-full bg-sunken">
      <div ref={bar} className="level-bar h-full rounded-full bg-accent" />
    </div>
  );
}

/** Whether the browser is going to ask for permission; `true` where it does not tell. */
function useWillAsk(): boolean {
  const [willAsk, setWillAsk] = useState(true);
  useEffect(() => {
    let gone = false;
    const name = 'microphone' as PermissionName;
    Promise.resolve(navigator.permissions?.query({ name })).then(
      (status) => {
        if (!gone && status) setWillAsk(status.state === 'prompt');
      },
      () => undefined,
    );
    return () => {
      gone = true;
    };
  }, []);
  return willAsk;
}
