import { Ban, LogOut, MailCheck, ScrollText, ShieldMinus, ShieldPlus, Undo2 } from 'lucide-react';
import { changeUser, endSessions } from '@/api/admin';
import type { AdminUser } from '@/api/types';
import { adminText } from '@/lib/admin-text';
import type { MenuAction } from './action-menu';

const words = adminText.userActions;
const ICON = { className: 'size-4', 'aria-hidden': true } as const;

/** What an admin may do to this user. Admins neither block themselves nor change their own role. */
export function userActions(user: AdminUser, isMe: boolean, onAudit: (userId: string) => void): MenuAction[] {
  const { id, displayName: name } = user;
  const actions: (MenuAction | false)[] = [
    { key: 'audit', icon: <ScrollText {...ICON} />, label: words.audit, onSelect: () => onAudit(id) },
    !user.emailVerified && {
      key: 'verify',
      icon: <MailCheck {...ICON} />,
      confirmation: {
        title: words.verifyTitle(name),
        lead: words.verifyLead(user.email),
        label: words.verify,
        danger: false,
        action: () => changeUser(id, { emailVerified: true }),
        done: words.verified(name),
      },
    },
    !isMe &&
      user.role === 'member' &&
      user.emailVerified && {
        key: 'grant',
        icon: <ShieldPlus {...ICON} />,
        confirmation: {
          title: words.grantTitle(name),
          lead: words.grantLead,
          label: words.grant,
          danger: false,
          action: () => changeUser(id, { role: 'admin' }),
          done: words.granted(name),
        },
      },
    !isMe &&
      user.role === 'admin' && {
        key: 'revoke',
        icon: <ShieldMinus {...ICON} />,
        confirmation: {
          title: words.revokeTitle(name),
          lead: words.revokeLead,
          label: words.revoke,
          danger: true,
          action: () => changeUser(id, { role: 'member' }),
          done: words.revoked(name),
        },
      },
    user.sessions > 0 && {
      key: 'end-sessions',
      icon: <LogOut {...ICON} />,
      confirmation: {
        title: words.endSessionsTitle(name),
        lead: words.endSessionsLead,
        label: words.endSessions,
        danger: true,
        action: () => endSessions(id),
        done: words.ended(name),
      },
    },
    !isMe &&
      !user.blockedAt && {
        key: 'block',
        icon: <Ban {...ICON} />,
        confirmation: {
          title: words.blockTitle(name),
          lead: words.blockLead,
          label: words.block,
          danger: true,
          action: () => changeUser(id, { blocked: true }),
          done: words.blocked(name),
        },
      },
    user.blockedAt !== null && {
      key: 'unblock',
      icon: <Undo2 {...ICON} />,
      confirmation: {
        title: words.unblockTitle(name),
        lead: words.unblockLead,
        label: words.unblock,
        danger: false,
        action: () => changeUser(id, { blocked: false }),
        done: words.unblocked(name),
      },
    },
  ];
  return actions.filter((action) => action !== false);
}
