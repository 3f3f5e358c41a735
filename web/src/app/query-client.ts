import { QueryClient } from '@tanstack/react-query';
import { ApiProblem } from '@/api/problem';

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 2_000,
      // What the server refuses it refuses again; only silence and its own faults are worth another try.
      retry: (failures, error) => failures < 2 && !(error instanceof ApiProblem && error.status < 500),
      retryDelay: (attempt) => Math.min(4_000, 500 * 2 ** attempt),
      // A page on the same machine works without a network too.
      networkMode: 'always',
    },
    mutations: { networkMode: 'always' },
  },
});
