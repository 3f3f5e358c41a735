import { useEffect, useState } from 'react';
import { getServerInfo } from '@/api/endpoints';
import type { ServerInfo } from '@/api/types';

let known: Promise<ServerInfo> | null = null;

/** What the server says about itself; `null` until it has, or when it cannot be asked. */
export function useServerInfo(): ServerInfo | null {
  const [info, setInfo] = useState<ServerInfo | null>(null);
  useEffect(() => {
    let gone = false;
    known ??= getServerInfo();
    known.then(
      (answer) => {
        if (!gone) setInfo(answer);
      },
      () => {
        known = null;
      },
    );
    return () => {
      gone = true;
    };
  }, []);
  return info;
}
