import { Link } from '@tanstack/react-router';
import { CloudOff, Hourglass, RotateCw, Volume2, WifiOff } from 'lucide-react';
import { text } from '@/lib/text';
import { useNow } from '@/lib/use-now';
import type { CallEngine } from '@/rtc/call-engine';
import type { CallProblem } from '@/rtc/call-problem';
import { connectionOf } from '@/rtc/call-state';
import { Banner } from '@/ui/banner';
import { Button, buttonClass } from '@/ui/button';
import { Spinner } from '@/ui/spinner';
import { explainProblem, problemWords, waysTried } from './problem-words';
import { useCall } from './use-call';

/** After so many failures in a row of a call that was connected, its connection counts as blocked. */
const BLOCKED_AFTER = 3;

/** What stands between the person and the sound, if anything, and what to do. */
export function ConnectionBanner({ engine }: { engine: CallEngine }) {
  const connection = useCall(engine, connectionOf);
  const joining = useCall(engine, (state) => state.phase === 'joining');
  const blocked = useCall(engine, (state) => state.mediaFailures >= (state.wasConnected ? BLOCKED_AFTER : 1));
  const noAudio = useCall(engine, (state) => state.problem?.step === 'audio');
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
      <Banner
        tone="warn"
        icon={<Spinner className="shrink-0" />}
        action={blocked && restartBy === null && <ToConnectionTest />}
      >
        {restartBy !== null && text.connection.restarting}
        {restartBy === null && (blocked ? <Problem engine={engine} /> : text.connection.reconnecting)}
      </Banner>
    );
  }
  if (restartBy !== null) return <RestartBanner by={restartBy} />;
  if ((connection === 'connecting' && blocked) || (connection === 'connected' && noAudio)) {
    return (
      <Banner
        tone="warn"
        icon={<WifiOff className="size-4.5 shrink-0" aria-hidden="true" />}
        action={<ToConnectionTest />}
      >
        <Problem engine={engine} />
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

/** Quiet: there is nothing to do. It was read out when the server said so. */
function RestartBanner({ by }: { by: number }) {
  const now = useNow(true);
  return (
    <Banner tone="neutral" icon={<RotateCw className="size-4.5 shrink-0" aria-hidden="true" />}>
      {text.connection.restarts(by - now)}
    </Banner>
  );
}

/** What to say of a call whose socket is gone. */
function lead(problem: CallProblem | null, restarting: boolean, joining: boolean): string {
  if (!navigator.onLine) return text.connection.offlineLead;
  if (restarting) return joining ? problemWords.restartingJoin : text.connection.restarting;
  const known = problem?.step === 'socket' || problem?.step === 'seat';
  return problem && known ? explainProblem(problem) : text.connection.lostLead;
}

function Problem({ engine }: { engine: CallEngine }) {
  const problem = useCall(engine, (state) => state.problem);
  if (!problem) return text.connection.mediaFailed;
  return (
    <span data-testid="problem" data-step={problem.step}>
      {explainProblem(problem)}
      {problem.pairs.length > 0 && <span className="block text-xs opacity-90">{waysTried(problem)}</span>}
    </span>
  );
}

function ToConnectionTest() {
  return (
    <Link to="/connection-test" className={buttonClass('secondary')}>
      {problemWords.test}
    </Link>
  );
}

function LostBanner({ engine }: { engine: CallEngine }) {
  const problem = useCall(engine, (state) => state.problem);
  const restarting = useCall(engine, (state) => state.restartBy !== null);
  const joining = useCall(engine, (state) => state.phase === 'joining');
  const retryAt = useCall(engine, ({ signaling }) => (signaling.kind === 'waiting' ? signaling.retryAt : null));
  const now = useNow(true);
  const seconds = retryAt === null ? 0 : Math.max(0, Math.ceil((retryAt - now) / 1000));
  return (
    <Banner
      tone={restarting ? 'warn' : 'danger'}
      role={restarting ? 'status' : 'alert'}
      icon={<CloudOff className="size-4.5 shrink-0" aria-hidden="true" />}
      action={
        <span className="flex flex-wrap gap-2">
          {navigator.onLine && !restarting && <ToConnectionTest />}
          <Button variant="secondary" disabled={retryAt === null} onClick={() => engine.retryNow()}>
            {text.connection.retryNow}
          </Button>
        </span>
      }
    >
      {lead(problem, restarting, joining)} {/* Not read out: it changes every second. */}
      <span aria-hidden="true" className="tabular-nums">
        {seconds > 0 ? text.connection.retryIn(seconds) : text.connection.retrying}
      </span>
    </Banner>
  );
}
