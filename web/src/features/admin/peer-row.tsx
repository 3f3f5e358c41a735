import { ArrowDown, ArrowUp, DoorOpen, Mic, MicOff, UserRound } from 'lucide-react';
import { kick, setMuted } from '@/api/admin';
import type { LivePeer } from '@/api/types';
import { adminText } from '@/lib/admin-text';
import { Avatar } from '@/ui/avatar';
import { Badge } from '@/ui/badge';
import { ActionMenu, type MenuAction } from './action-menu';
import { bitrate, milliseconds, percent } from './format';
import { Fact } from './parts';

const words = adminText.peer;

interface PeerRowProps {
  peer: LivePeer;
  onShowUser: (username: string) => void;
}

/** Somebody in a live room, and how their audio gets through. */
export function PeerRow({ peer, onShowUser }: PeerRowProps) {
  const { media } = peer;
  const browser = [peer.browser, peer.system].filter(Boolean).join(', ');
  return (
    <li className="rounded-2xl border border-line bg-surface p-4 shadow-card">
      <div className="flex items-start gap-3">
        <Avatar name={peer.displayName} src={peer.avatarUrl} size="md" />
        <div className="min-w-0 flex-1">
          <div className="flex flex-wrap items-center gap-x-2 gap-y-1">
            <h3 dir="auto" className="min-w-0 text-base font-semibold wrap-anywhere">
              {peer.displayName}
            </h3>
            {media?.speaks && <Badge tone="accent">{words.speaks}</Badge>}
            {peer.muted && <Badge>{peer.mutedByModerator ? words.mutedByModerator : words.muted}</Badge>}
            {!peer.online && <Badge tone="warn">{words.away}</Badge>}
          </div>
          <p dir="auto" className="text-sm text-muted wrap-anywhere">
            @{peer.username}
          </p>
        </div>
        <ActionMenu label={adminText.actionsFor(peer.displayName)} actions={actionsFor(peer, onShowUser)} />
      </div>
      <dl className="mt-3 grid grid-cols-2 gap-x-4 gap-y-3 sm:grid-cols-3 lg:grid-cols-6">
        <Fact label={words.browser}>{browser || words.unknown}</Fact>
        {media ? (
          <>
            <Fact label={words.path}>{pathOf(media)}</Fact>
            <Fact label={words.roundTrip}>{milliseconds(media.roundTripMs)}</Fact>
            <Fact label={words.loss}>
              <BothWays up={percent(media.uplink.lossPercent)} down={percent(media.downlink.lossPercent)} />
            </Fact>
            <Fact label={words.jitter}>
              <BothWays up={milliseconds(media.uplink.jitterMs)} down={milliseconds(media.downlink.jitterMs)} />
            </Fact>
            <Fact label={words.bitrate}>
              <BothWays up={bitrate(media.uplink.bitrate)} down={bitrate(media.downlink.bitrate)} />
            </Fact>
          </>
        ) : (
          <Fact label={words.path}>{words.noMedia}</Fact>
        )}
      </dl>
    </li>
  );
}

function pathOf(media: NonNullable<LivePeer['media']>): string {
  if (!media.route) return words.connecting;
  const { protocol, family, relayed } = media.route;
  const path = `${protocol.toUpperCase()}, ${family === 'ipv6' ? 'IPv6' : 'IPv4'}`;
  return relayed ? `${path}, ${words.relayed}` : path;
}

/** A number for each direction, seen from the person. */
function BothWays({ up, down }: { up: string; down: string }) {
  return (
    <span className="flex flex-col">
      <span className="inline-flex items-center gap-1">
        <ArrowUp className="size-3.5 shrink-0 text-muted" aria-hidden="true" />
        {up}
        <span className="sr-only"> {words.up}</span>
      </span>
      <span className="inline-flex items-center gap-1">
        <ArrowDown className="size-3.5 shrink-0 text-muted" aria-hidden="true" />
        {down}
        <span className="sr-only"> {words.down}</span>
      </span>
    </span>
  );
}

function actionsFor(peer: LivePeer, onShowUser: (username: string) => void): MenuAction[] {
  const room = adminText.liveRoom;
  const name = peer.displayName;
  const mute: MenuAction = peer.mutedByModerator
    ? {
        key: 'unmute',
        icon: <Mic className="size-4" aria-hidden="true" />,
        confirmation: {
          title: `${room.unmute}: ${name}`,
          lead: room.unmuted(name),
          label: room.unmute,
          danger: false,
          action: () => setMuted(peer.id, false),
          done: room.unmuted(name),
        },
      }
    : {
        key: 'mute',
        icon: <MicOff className="size-4" aria-hidden="true" />,
        confirmation: {
          title: room.muteTitle(name),
          lead: room.muteLead,
          label: room.mute,
          danger: false,
          action: () => setMuted(peer.id, true),
          done: room.muted(name),
        },
      };
  return [
    {
      key: 'user',
      icon: <UserRound className="size-4" aria-hidden="true" />,
      label: room.user,
      onSelect: () => onShowUser(peer.username),
    },
    mute,
    {
      key: 'kick',
      icon: <DoorOpen className="size-4" aria-hidden="true" />,
      confirmation: {
        title: room.kickTitle(name),
        lead: room.kickLead,
        label: room.kick,
        danger: true,
        action: () => kick(peer.id),
        done: room.kicked(name),
      },
    },
  ];
}
