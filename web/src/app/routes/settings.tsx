import { useStore } from 'zustand';
import { logout } from '@/api/endpoints';
import { session } from '@/api/session';
import { SettingsPage } from '@/features/settings/settings-page';

export default function SettingsRoute() {
  const me = useStore(session, (state) => state.me);
  return me && <SettingsPage me={me} onLogout={logout} />;
}
