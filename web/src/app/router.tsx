import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from '@tanstack/react-router';
import { session } from '@/api/session';
import { requireAdmin, requireLogin, skipWhenLoggedIn } from './guard';
import { NotFoundPage } from './not-found-page';
import { PageError } from './page-error';
import { PagePending } from './page-pending';
import { pages } from './pages';
import { Root } from './root';

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

const NOTES = ['verified', 'expired', 'blocked'] as const;

function authSearch(search: Record<string, unknown>) {
  const next = text(search.next);
  const email = text(search.email);
  const note = NOTES.find((known) => known === search.note);
  return { ...(next && { next }), ...(email && { email }), ...(note && { note }) } as {
    next?: string;
    email?: string;
    note?: (typeof NOTES)[number];
  };
}

const root = createRootRoute({ component: Root, notFoundComponent: NotFoundPage, errorComponent: PageError });

const home = createRoute({
  getParentRoute: () => root,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/rooms', replace: true });
  },
});

const login = createRoute({
  getParentRoute: () => root,
  path: '/login',
  validateSearch: authSearch,
  beforeLoad: skipWhenLoggedIn,
  component: lazyRouteComponent(() => import('./routes/login')),
});

const register = createRoute({
  getParentRoute: () => root,
  path: '/register',
  validateSearch: authSearch,
  beforeLoad: skipWhenLoggedIn,
  component: lazyRouteComponent(() => import('./routes/register')),
});

const verify = createRoute({
  getParentRoute: () => root,
  path: '/verify',
  validateSearch: authSearch,
  component: lazyRouteComponent(() => import('./routes/verify')),
});

/** Everything behind the login shares the shell. */
const members = createRoute({
  getParentRoute: () => root,
  id: 'members',
  beforeLoad: requireLogin,
  component: lazyRouteComponent(() => import('./shell')),
});

const rooms = createRoute({
  getParentRoute: () => members,
  path: '/rooms',
  validateSearch: (search: Record<string, unknown>): { q?: string } => {
    const q = text(search.q);
    return q ? { q } : {};
  },
  component: lazyRouteComponent(pages.rooms),
});

const newRoom = createRoute({
  getParentRoute: () => rooms,
  path: '/new',
  component: lazyRouteComponent(pages.newRoom),
});

const room = createRoute({
  getParentRoute: () => members,
  path: '/rooms/$roomId',
  component: lazyRouteComponent(pages.room),
});

const invite = createRoute({
  getParentRoute: () => members,
  path: '/invite/$token',
  component: lazyRouteComponent(pages.invite),
});

const settings = createRoute({
  getParentRoute: () => members,
  path: '/settings',
  component: lazyRouteComponent(pages.settings),
});

const connectionTest = createRoute({
  getParentRoute: () => members,
  path: '/connection-test',
  component: lazyRouteComponent(pages.connectionTest),
});

/** For admins of the server. To everybody else there is nothing here. */
const admin = createRoute({
  getParentRoute: () => members,
  path: '/admin',
  beforeLoad: requireAdmin,
});

const adminHome = createRoute({
  getParentRoute: () => admin,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/admin/live', replace: true });
  },
});

const adminLive = createRoute({
  getParentRoute: () => admin,
  path: '/live',
  component: lazyRouteComponent(() => import('./routes/admin-live')),
});

const adminLiveRoom = createRoute({
  getParentRoute: () => admin,
  path: '/live/$roomId',
  component: lazyRouteComponent(() => import('./routes/admin-live-room')),
});

const USER_STATES = ['admin', 'blocked', 'unverified'] as const;

const adminUsers = createRoute({
  getParentRoute: () => admin,
  path: '/users',
  validateSearch: (search: Record<string, unknown>): { q?: string; state?: (typeof USER_STATES)[number] } => {
    const q = text(search.q);
    const state = USER_STATES.find((known) => known === search.state);
    return { ...(q && { q }), ...(state && { state }) };
  },
  component: lazyRouteComponent(() => import('./routes/admin-users')),
});

const adminAudit = createRoute({
  getParentRoute: () => admin,
  path: '/audit',
  validateSearch: (search: Record<string, unknown>): { q?: string; action?: string; user?: string } => {
    const [q, action, user] = [text(search.q), text(search.action), text(search.user)];
    return { ...(q && { q }), ...(action && { action }), ...(user && { user }) };
  },
  component: lazyRouteComponent(() => import('./routes/admin-audit')),
});

export const router = createRouter({
  routeTree: root.addChildren([
    home,
    login,
    register,
    verify,
    members.addChildren([
      rooms.addChildren([newRoom]),
      room,
      invite,
      settings,
      connectionTest,
      admin.addChildren([adminHome, adminLive, adminLiveRoom, adminUsers, adminAudit]),
    ]),
  ]),
  defaultPreload: 'intent',
  defaultPendingComponent: PagePending,
  defaultPendingMs: 300,
  defaultPendingMinMs: 0,
  defaultErrorComponent: PageError,
  scrollRestoration: true,
});

// A login that runs out while a page is open leads to the login, and back here afterwards.
session.subscribe((now, before) => {
  if (before.status !== 'authenticated' || now.status !== 'anonymous') return;
  if (now.because === 'logout') void router.navigate({ to: '/login' });
  else void router.invalidate();
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
