import { CloudOff, Hourglass, RotateCw, Volume2, WifiOff } from 'lucide-react';
import { text } from '@/lib/text';
import { useNow } from '@/lib/use-now';
import type { CallEngine } from '@/rtc/call-engine';
import { connectionOf } from '@/rtc/call-state';
import { Banner } from '@/ui/banner';
import { Button } from '@/ui/button';
import { Spinner } from '@/ui/spinner';
import { useCall } from './use-call';

/** After so many failures the network is told to be the cause. */
const BLOCKED_AFTER = 3;

/** What stands between the person and the sound, if anything, and what to do. */
export function ConnectionBanner({ engine }: { engine: CallEngine }) {
  const connection = useCall(engine, connectionOf);
  const joining = useCall(engine, (state) => state.phase === 'joining');
  const blocked = useCall(engine, (state) => state.mediaFailures >= BLOCKED_AFTER);
  const serverBusy = useCall(engine, (state) => state.serverBusy);
  const audioBlocked = useCall(engine, (state) => state.audioBlocked);
  const restartBy = useCall(engine, (state) => state.restartBy);

  if (serverBusy && joining) {
    return (
      <Banner tone="warn" icon={<Hourglass className="size-4.5 shrink-0" aria-hidden="true" />}>
        {text.connection.serverBusy}
      </Banner>
    );
  }
  if (connection === 'lost') return <LostBanner engine={engine} />;
  if (connection === 'reconnecting') {
    return (
      <Banner tone="warn" icon={<Spinner className="shrink-0" />}>
        {reconnecting(blocked, restartBy !== null)}
      </Banner>
    );
  }
  if (restartBy !== null) return <RestartBanner by={restartBy} />;
  if (connection === 'connecting' && blocked) {
    return (
      <Banner tone="warn" icon={<WifiOff className="size-4.5 shrink-0" aria-hidden="true" />}>
        {text.connection.mediaFailed}
      </Banner>
    );
  }
  if (audioBlocked && !joining) {
    return (
      <Banner
        tone="accent"
        role="alert"
        icon={<Volume2 className="size-4.5 shrink-0" aria-hidden="true" />}
        action={<Button onClick={() => engine.unlockAudio()}>{text.call.hear}</Button>}
      >
        {text.call.audioBlocked}
      </Banner>
    );
  }
  return null;
}

function reconnecting(blocked: boolean, restarting: boolean): string {
  if (restarting) return text.connection.restarting;
  return blocked ? text.connection.mediaFailed : text.connection.reconnecting;
}

/** Quiet: there is nothing to do. It was read out when the server said so. */
function RestartBanner({ by }: { by: number }) {
  const now = useNow(true);
  return (
    <Banner tone="neutral" icon={<RotateCw className="size-4.5 shrink-0" aria-hidden="true" />}>
      {text.connection.restarts(by - now)}
    </Banner>
  );
}

function LostBanner({ engine }: { engine: CallEngine }) {
  const retryAt = useCall(engine, ({ signaling }) => (signaling.kind === 'waiting' ? signaling.retryAt : null));
  const now = useNow(true);
  const seconds = retryAt === null ? 0 : Math.max(0, Math.ceil((retryAt - now) / 1000));
  return (
    <Banner
      tone="danger"
      role="alert"
      icon={<CloudOff className="size-4.5 shrink-0" aria-hidden="true" />}
      action={
        <Button variant="secondary" disabled={retryAt === null} onClick={() => engine.retryNow()}>
          {text.connection.retryNow}
        </Button>
      }
    >
      {navigator.onLine ? text.connection.lostLead : text.connection.offlineLead}{' '}
      {/* Not read out: it changes every second. */}
      <span aria-hidden="true" className="tabular-nums">
        {seconds > 0 ? text.connection.retryIn(seconds) : text.connection.retrying}
      </span>
    </Banner>
  );
}
