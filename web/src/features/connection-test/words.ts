/** What the connection test says. Apart from the other texts, because only this page needs it. */

import type { CheckId, Finding, Status, Verdict } from '@/rtc/connection-test/test-state';
import type { MicrophoneProblem } from '@/rtc/microphone';

export const words = {
  title: 'Connection test',
  lead: 'Tries every way that sound can take between you and the server, and says what to do where it does not get through. Takes about half a minute.',
  start: 'Start test',
  again: 'Test again',
  stop: 'Stop',
  microphoneHint:
    'Your browser may ask for the microphone. Nobody hears you: what you say comes back to you alone, and is not played.',
  copy: 'Copy report',
  copied: 'Report copied.',
  copyFailed: 'The report could not be copied. Select the text below and copy it by hand.',
  reportLabel: 'The report',
  reportHint: 'For a mail to whoever runs the server. It has no password and none of your full addresses.',
  showReport: 'Show report',
  speak: 'Say something.',
  measuring: 'Listening to what comes back.',
  results: 'Results',
  progress: (done: number, all: number) => `${done} of ${all} done`,
  figures: {
    roundTrip: 'Round trip',
    lossUp: 'Lost on the way there',
    lossDown: 'Lost on the way back',
    jitter: 'Jitter',
    milliseconds: (value: number | null) => (value === null ? '–' : `${value} ms`),
    share: (value: number | null) => (value === null ? '–' : `${(value * 100).toFixed(1)} %`),
  },
  status: {
    waiting: 'Not tested yet',
    running: 'Testing',
    ok: 'Works',
    warning: 'Look at this',
    fails: 'Does not work',
    skipped: 'Left out',
  } satisfies Record<Status, string>,
  checks: {
    server: { title: 'Server', lead: 'Web pages and login, over HTTP' },
    socket: { title: 'Live connection', lead: 'Who is here and who speaks, over a WebSocket' },
    microphone: { title: 'Microphone', lead: 'Whether your voice is picked up' },
    udp: { title: 'Sound by UDP', lead: 'The best way: no delay when a packet is lost' },
    tcp: { title: 'Sound by TCP', lead: 'For networks that block UDP' },
    relay: { title: 'Sound by relay', lead: 'Through a TURN server, for the strictest networks' },
    audio: { title: 'Your sound, there and back', lead: 'What you send, as it comes back from the server' },
  } satisfies Record<CheckId, { title: string; lead: string }>,
  verdicts: {
    good: { title: 'Everything works', lead: 'Sound gets through from here in the best way.' },
    poor: {
      title: 'It works, but others may hear gaps',
      lead: 'Sound gets through, and a lot of it gets lost or comes late. Use a cable instead of Wi-Fi, go nearer to the router, end downloads, or try another network.',
    },
    'tcp-only': {
      title: 'It works, but not in the best way',
      lead: 'This network blocks UDP, so sound goes by TCP and may stutter when packets are lost. Try another network or switch the VPN off; or ask whoever runs this network to let UDP out to the server.',
    },
    'relay-only': {
      title: 'It works through a relay',
      lead: 'This network lets nothing out to the server’s sound ports, so sound takes a detour. That is fine; another network or no VPN would be faster.',
    },
    microphone: {
      title: 'You can listen, but not speak',
      lead: 'The connection is fine. The microphone is not; see below.',
    },
    'no-media': {
      title: 'Sound does not get through',
      lead: 'Pages load, but no way for sound works from here. Try another network, a phone’s hotspot for instance, or switch the VPN off. When it fails everywhere, the server’s ports are closed, or it announces an address that does not lead to it: send this report to whoever runs it.',
    },
    'no-socket': {
      title: 'The live connection does not come about',
      lead: 'Pages load, but calls need more. A proxy, firewall or browser extension may block WebSockets: try without them, or on another network.',
    },
    'no-server': {
      title: 'The server cannot be reached',
      lead: 'Check whether other web pages load. If they do, the server is down: tell whoever runs it.',
    },
  } satisfies Record<Verdict, { title: string; lead: string }>,
};

const MICROPHONE: Record<MicrophoneProblem, string> = {
  'not-found': 'No microphone was found. Plug one in.',
  denied: 'The browser blocks the microphone for this page. Allow it with the icon beside the address bar.',
  busy: 'Another program holds the microphone. Close it.',
  insecure: 'Browsers give a microphone to secure pages only. Open this server over https.',
  unsupported: 'This browser has no microphone support. Use a current Chrome, Edge, Firefox or Safari.',
  unknown: 'The microphone did not start. Choose another one in the system’s settings.',
};

const STEPS = {
  offer: 'The browser could not begin. Reload the page, or use another browser.',
  answer: 'The server did not answer in time. Test again in a moment.',
  ice: {
    udp: 'No packet came back. UDP is blocked: by this network, its firewall or a VPN, or by the server’s own firewall. Or the server announces an address that does not lead to it: compare with the addresses in the report.',
    tcp: 'The server’s sound ports cannot be reached by TCP: this network or the server’s firewall closes them, or the server announces a wrong address.',
    relay: 'The relay was reached, but it does not reach the server. Tell whoever runs the server.',
    audio: 'The way that worked a moment ago did not work again. The network changes: test again.',
  },
  dtls: 'Packets get through, but the encrypted connection did not come about: something on the way changes or drops large packets (a VPN with a small MTU often does).',
  audio: 'Connected, but no sound came.',
};

/** One sentence or two: what came of a check and what to do. */
export function explain(id: CheckId, finding: Finding | null): string {
  switch (finding?.kind) {
    case undefined:
      return words.checks[id].lead;
    case 'fine':
      if (finding.milliseconds !== undefined) return `In ${finding.milliseconds} ms.`;
      if (id === 'microphone') return 'Your voice is picked up.';
      return id === 'audio' ? 'What you send comes back from the server.' : words.checks[id].lead;
    case 'not-offered':
      return id === 'relay' ? 'This server has no relay. Mostly none is needed.' : 'This server does not offer it.';
    case 'not-reached':
      return 'No answer. Check whether other web pages load; if they do, the server is down.';
    case 'logged-out':
      return 'You were logged out meanwhile. Log in and test again.';
    case 'no-socket':
      return 'It could not be opened though pages load: a proxy, firewall or browser extension blocks WebSockets.';
    case 'refused':
      return `The server refused: ${finding.detail}`;
    case 'microphone':
      return MICROPHONE[finding.problem];
    case 'silent':
      return 'It is open, but nothing was heard from it. Was it muted by a switch, or is another one the right one?';
    case 'blocked': {
      const step = finding.step === 'ice' ? STEPS.ice : STEPS[finding.step];
      if (typeof step === 'string') return step;
      return id in step ? step[id as keyof typeof step] : step.udp;
    }
    case 'relay-refused':
      return 'The relay refused the credentials that the server gives out: its secret is set wrongly. Tell whoever runs the server.';
    case 'relay-unreachable':
      return 'The relay does not answer: this network blocks it, or it is down.';
    case 'no-audio':
      return 'Connected, but nothing that was sent came back. Tell whoever runs the server.';
    case 'poor':
      return 'It comes back with gaps or late. Use a cable or another network, and end downloads.';
    case 'stopped':
      return 'Not tested.';
  }
}
