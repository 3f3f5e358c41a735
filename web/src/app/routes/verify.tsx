import { getRouteApi } from '@tanstack/react-router';
import { VerifyPage } from '@/features/auth/verify-page';

const route = getRouteApi('/verify');

export default function VerifyRoute() {
  const { email, next } = route.useSearch();
  return <VerifyPage email={email} next={next} />;
}
