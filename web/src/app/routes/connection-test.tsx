import { useState } from 'react';
import { checkLogin } from '@/api/check-login';
import { getIceServers, getServerInfo } from '@/api/endpoints';
import { ConnectionTestPage } from '@/features/connection-test/connection-test-page';
import { ConnectionTest } from '@/rtc/connection-test/connection-test';
import { createIceServers } from '@/rtc/ice-servers';
import { signalingUrl } from '../call';

export default function ConnectionTestRoute() {
  const [test] = useState(
    () =>
      new ConnectionTest({
        signalingUrl,
        checkLogin,
        askServer: getServerInfo,
        // Asked anew each time: credentials are part of what is tested.
        iceServers: () => createIceServers(getIceServers),
      }),
  );
  return <ConnectionTestPage test={test} />;
}
