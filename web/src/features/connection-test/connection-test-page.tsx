import { Activity, ClipboardCopy, Square } from 'lucide-react';
import { useEffect, useState } from 'react';
import { useStore } from 'zustand';
import { announce } from '@/lib/announce';
import { usePageTitle } from '@/lib/page-title';
import type { ConnectionTest } from '@/rtc/connection-test/connection-test';
import { CHECKS, type TestState, type Verdict, verdictOf } from '@/rtc/connection-test/test-state';
import { Banner } from '@/ui/banner';
import { Button } from '@/ui/button';
import { toast } from '@/ui/toast';
import { CheckRow, TestLevel } from './check-row';
import { reportOf, surroundings } from './report';
import { words } from './words';

const TONES: Record<Verdict, 'accent' | 'warn' | 'danger'> = {
  good: 'accent',
  poor: 'warn',
  'tcp-only': 'warn',
  'relay-only': 'warn',
  microphone: 'warn',
  'no-media': 'danger',
  'no-socket': 'danger',
  'no-server': 'danger',
};

/** Whether sound gets through from here, and if not, where it stops and what to do. */
export function ConnectionTestPage({ test }: { test: ConnectionTest }) {
  usePageTitle(words.title);
  const state = useStore(test.store);
  const verdict = verdictOf(state);
  const running = state.phase === 'running';
  useEffect(() => () => test.stop(), [test]);
  useEffect(() => {
    if (verdict) announce(`${words.verdicts[verdict].title}. ${words.verdicts[verdict].lead}`);
  }, [verdict]);
  const microphoneOpen = running && state.checks.microphone.status === 'ok';

  return (
    <main id="main" className="mx-auto w-full max-w-2xl flex-1 px-4 py-8 sm:px-6 max-sm:py-5">
      <h1 className="text-2xl font-semibold" tabIndex={-1}>
        {words.title}
      </h1>
      <p className="mt-1.5 text-pretty text-muted">{words.lead}</p>
      <div className="mt-5 flex flex-wrap gap-2">
        {running ? (
          <Button
            variant="secondary"
            onClick={() => test.stop()}
            icon={<Square className="size-4" aria-hidden="true" />}
          >
            {words.stop}
          </Button>
        ) : (
          <Button onClick={() => void test.start()} icon={<Activity className="size-4" aria-hidden="true" />}>
            {verdict ? words.again : words.start}
          </Button>
        )}
        {verdict && <CopyReport state={state} />}
      </div>
      {state.phase === 'idle' && <p className="mt-3 text-sm text-muted">{words.microphoneHint}</p>}
      {verdict && (
        <div className="mt-5" data-testid="verdict" data-verdict={verdict}>
          <Banner tone={TONES[verdict]}>
            <p className="font-semibold">{words.verdicts[verdict].title}</p>
            <p className="mt-0.5 text-pretty">{words.verdicts[verdict].lead}</p>
          </Banner>
        </div>
      )}
      <section className="mt-6 rounded-2xl border border-line bg-surface p-6 shadow-card max-sm:p-4">
        <h2 className="sr-only">{words.results}</h2>
        {running && (
          <p className="sr-only" role="status">
            {words.progress(CHECKS.filter((id) => isOver(state, id)).length, CHECKS.length)}
          </p>
        )}
        <ul>
          {CHECKS.map((id) => (
            <CheckRow key={id} id={id} check={state.checks[id]}>
              {id === 'microphone' && microphoneOpen && <TestLevel meter={test.microphone.meter} />}
            </CheckRow>
          ))}
        </ul>
      </section>
      {verdict && <ReportText state={state} />}
    </main>
  );
}

function isOver({ checks }: TestState, id: (typeof CHECKS)[number]): boolean {
  const { status } = checks[id];
  return status !== 'waiting' && status !== 'running';
}

function CopyReport({ state }: { state: TestState }) {
  const [busy, setBusy] = useState(false);
  async function copy() {
    setBusy(true);
    try {
      await navigator.clipboard.writeText(reportOf(state, surroundings()));
      toast(words.copied);
    } catch {
      toast(words.copyFailed, 'error');
    }
    setBusy(false);
  }
  return (
    <Button
      variant="secondary"
      busy={busy}
      onClick={() => void copy()}
      icon={<ClipboardCopy className="size-4" aria-hidden="true" />}
    >
      {words.copy}
    </Button>
  );
}

function ReportText({ state }: { state: TestState }) {
  return (
    <details className="mt-6">
      <summary className="cursor-pointer rounded-lg py-2 text-sm font-medium">{words.showReport}</summary>
      <p className="mt-1 text-sm text-muted">{words.reportHint}</p>
      <textarea
        readOnly
        aria-label={words.reportLabel}
        rows={14}
        value={reportOf(state, surroundings())}
        className="mt-2 w-full rounded-lg border border-line bg-sunken p-3 font-mono text-xs"
      />
    </details>
  );
}
