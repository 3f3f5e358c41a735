import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { createRoom, deleteRoom, getRoom, listRooms, updateRoom } from '@/api/endpoints';
import { ApiProblem } from '@/api/problem';
import type { RoomFields } from '@/api/types';

/** How often what is on the screen is asked for again, in milliseconds. Only while the page is visible. */
const POLL = 5_000;

export function useRooms(search: string) {
  return useInfiniteQuery({
    queryKey: ['rooms', 'list', search],
    queryFn: ({ pageParam, signal }) => listRooms({ search, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
    refetchInterval: POLL,
    placeholderData: (before) => before,
  });
}

export function useRoom(roomId: string, { poll }: { poll: boolean }) {
  return useQuery({
    queryKey: ['rooms', 'one', roomId],
    queryFn: ({ signal }) => getRoom(roomId, signal),
    refetchInterval: ({ state }) =>
      !poll || (state.error instanceof ApiProblem && state.error.status < 500) ? false : POLL,
  });
}

export function useCreateRoom() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: createRoom,
    onSuccess: () => void client.invalidateQueries({ queryKey: ['rooms', 'list'] }),
  });
}

export function useUpdateRoom(roomId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (fields: RoomFields) => updateRoom(roomId, fields),
    onSuccess: () => client.invalidateQueries({ queryKey: ['rooms'] }),
  });
}

export function useDeleteRoom(roomId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => deleteRoom(roomId),
    onSuccess: () => void client.invalidateQueries({ queryKey: ['rooms', 'list'] }),
  });
}
