import { ChevronUp, PhoneOff } from 'lucide-react';
import { text } from '@/lib/text';
import type { CallEngine } from '@/rtc/call-engine';
import { Button } from '@/ui/button';
import { Menu, MenuChoice, MenuLabel } from '@/ui/menu';
import { MicrophoneProblemPanel } from './microphone-problem';
import { MuteButton } from './mute-button';
import { useCall } from './use-call';
import { useMicrophones } from './use-microphones';

/** The controls at the foot of the call. */
export function ControlBar({ engine }: { engine: CallEngine }) {
  const problem = useCall(engine, (state) => state.microphone.problem);
  return (
    <div className="sticky bottom-0 z-10 flex flex-col items-center gap-3 pb-[max(1rem,env(safe-area-inset-bottom))]">
      {problem && (
        <div className="w-full max-w-lg">
          <MicrophoneProblemPanel problem={problem} />
        </div>
      )}
      <div
        role="toolbar"
        aria-label={text.call.controls}
        className="flex max-w-full items-center gap-2 rounded-2xl border border-line bg-raised p-2 shadow-pop"
      >
        <MuteButton engine={engine} className="min-w-28 max-[24rem]:min-w-0 max-[24rem]:px-3!" />
        <MicrophoneMenu engine={engine} />
        <Button
          variant="danger"
          size="lg"
          className="max-[24rem]:px-3!"
          onClick={() => engine.leave()}
          icon={<PhoneOff className="size-4.5" aria-hidden="true" />}
        >
          {text.call.leave}
        </Button>
      </div>
    </div>
  );
}

function MicrophoneMenu({ engine }: { engine: CallEngine }) {
  const status = useCall(engine, (state) => state.microphone.status);
  const deviceId = useCall(engine, (state) => state.microphone.deviceId);
  const devices = useMicrophones(status);
  return (
    <Menu
      label={text.call.chooseMicrophone}
      align="center"
      side="top"
      trigger={
        <Button
          variant="secondary"
          size="icon"
          className="size-11"
          aria-label={text.call.chooseMicrophone}
          icon={<ChevronUp className="size-4.5" aria-hidden="true" />}
        />
      }
    >
      <MenuLabel>{devices.length === 0 ? text.call.noMicrophones : text.call.chooseMicrophone}</MenuLabel>
      <MenuChoice
        value={deviceId ?? ''}
        onChange={(id) => void engine.openMicrophone(id)}
        options={devices.map((device, index) => ({
          value: device.deviceId,
          label: device.label || text.call.microphoneFallback(index + 1),
        }))}
      />
    </Menu>
  );
}
