import { getRouteApi } from '@tanstack/react-router';
import { LoginPage } from '@/features/auth/login-page';

const route = getRouteApi('/login');

export default function LoginRoute() {
  const { next, note, email } = route.useSearch();
  return <LoginPage next={next} note={note} email={email} />;
}
