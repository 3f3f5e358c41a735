import { LivePage } from '@/features/admin/live-page';

export default function AdminLiveRoute() {
  return <LivePage />;
}
