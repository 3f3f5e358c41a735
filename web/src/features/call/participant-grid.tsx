import { useMemo, useState } from 'react';
import { text } from '@/lib/text';
import type { Participant } from '@/protocol/generated';
import type { CallEngine } from '@/rtc/call-engine';
import { Button } from '@/ui/button';
import { ParticipantTile } from './participant-tile';
import { useCall } from './use-call';

/** How many people are drawn at first, and how many more each time one asks: a hall of thousands must stay quick. */
const PAGE = 60;

/** Everybody in the room: oneself first, then who is heard, then the others as they came. */
export function ParticipantGrid({ engine }: { engine: CallEngine }) {
  const participants = useCall(engine, (state) => state.participants);
  const selfId = useCall(engine, (state) => state.selfId);
  const slots = useCall(engine, (state) => state.slots);
  const [limit, setLimit] = useState(PAGE);
  const ordered = useMemo(() => order(participants, selfId, slots), [participants, selfId, slots]);
  const hidden = ordered.length - limit;

  return (
    <section aria-labelledby="participants" className="flex-1 py-6">
      <h2 id="participants" className="sr-only">
        {text.call.participants}
      </h2>
      <ul
        aria-labelledby="participants"
        className="grid grid-cols-2 gap-3 min-[28rem]:grid-cols-[repeat(auto-fill,minmax(11rem,1fr))]"
      >
        {ordered.slice(0, limit).map((participant) => (
          <ParticipantTile
            key={participant.id}
            engine={engine}
            participant={participant}
            isSelf={participant.id === selfId}
          />
        ))}
      </ul>
      {ordered.length === 1 && <p className="mt-8 text-center text-muted">{text.call.alone}</p>}
      {hidden > 0 && (
        <div className="mt-6 flex justify-center">
          <Button variant="secondary" onClick={() => setLimit(limit + PAGE)}>
            {text.call.showMore(Math.min(hidden, PAGE))}
          </Button>
        </div>
      )}
    </section>
  );
}

/** In a small room nobody changes places; in a large one, who is heard comes before who is not. */
export function order(
  participants: readonly Participant[],
  selfId: string | null,
  slots: Readonly<Record<string, string>>,
): readonly Participant[] {
  const heard = participants.length > PAGE ? new Set(Object.values(slots)) : new Set<string>();
  const rank = (p: Participant) => (p.id === selfId ? 0 : heard.has(p.id) ? 1 : 2);
  return [...participants].sort((a, b) => rank(a) - rank(b) || a.joinedAt - b.joinedAt);
}
