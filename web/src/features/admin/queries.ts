import { keepPreviousData, useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type AuditQuery, getLiveRoom, listAudit, listLiveRooms, listUsers, type UserQuery } from '@/api/admin';
import { ApiProblem } from '@/api/problem';

/** How often live calls are asked for again, in milliseconds. Only while the page is visible. */
const POLL = 3_000;

export function useLiveRooms() {
  return useQuery({
    queryKey: ['admin', 'live'],
    queryFn: ({ signal }) => listLiveRooms(signal),
    refetchInterval: POLL,
  });
}

/** A room and the first `limit` people in it. */
export function useLiveRoom(roomId: string, limit: number) {
  return useQuery({
    queryKey: ['admin', 'live', roomId, limit],
    queryFn: ({ signal }) => getLiveRoom(roomId, limit, signal),
    // A room that empties may fill again.
    refetchInterval: POLL,
    placeholderData: keepPreviousData,
    retry: (failures, error) => failures < 2 && !(error instanceof ApiProblem),
  });
}

export function useUsers(query: UserQuery) {
  return useInfiniteQuery({
    queryKey: ['admin', 'users', query],
    queryFn: ({ pageParam, signal }) => listUsers(query, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
    placeholderData: keepPreviousData,
  });
}

export function useAudit(query: AuditQuery) {
  return useInfiniteQuery({
    queryKey: ['admin', 'audit', query],
    queryFn: ({ pageParam, signal }) => listAudit(query, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
    placeholderData: keepPreviousData,
  });
}

/** Does something as an admin, and has everything that is shown asked for again. */
export function useAdminAction(action: () => Promise<unknown>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: action,
    onSettled: () => client.invalidateQueries({ queryKey: ['admin'] }),
  });
}
