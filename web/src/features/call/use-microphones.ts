import { useEffect, useState } from 'react';
import { listMicrophones } from '@/rtc/microphone';

/** The microphones there are, kept up to date; `trigger` asks again when it changes. */
export function useMicrophones(trigger: unknown): readonly MediaDeviceInfo[] {
  const [devices, setDevices] = useState<readonly MediaDeviceInfo[]>([]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: after the permission was given the devices have names
  useEffect(() => {
    let gone = false;
    const refresh = () =>
      listMicrophones().then(
        (list) => {
          if (!gone) setDevices(list);
        },
        () => undefined,
      );
    void refresh();
    navigator.mediaDevices?.addEventListener('devicechange', refresh);
    return () => {
      gone = true;
      navigator.mediaDevices?.removeEventListener('devicechange', refresh);
    };
  }, [trigger]);
  return devices;
}
