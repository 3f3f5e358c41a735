import { getRouteApi } from '@tanstack/react-router';
import { RegisterPage } from '@/features/auth/register-page';

const route = getRouteApi('/register');

export default function RegisterRoute() {
  const { next } = route.useSearch();
  return <RegisterPage next={next} />;
}
