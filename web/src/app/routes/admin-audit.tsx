import { getRouteApi } from '@tanstack/react-router';
import { useCallback } from 'react';
import type { AuditQuery } from '@/api/admin';
import { AuditPage } from '@/features/admin/audit-page';

const route = getRouteApi('/members/admin/audit');

export default function AdminAuditRoute() {
  const { q, action, user } = route.useSearch();
  const navigate = route.useNavigate();
  const onQuery = useCallback(
    ({ search, action, user }: AuditQuery) =>
      void navigate({
        search: { ...(search && { q: search }), ...(action && { action }), ...(user && { user }) },
        replace: true,
      }),
    [navigate],
  );
  return <AuditPage query={{ search: q ?? '', action: action ?? null, user: user ?? null }} onQuery={onQuery} />;
}
