import { Link } from '@tanstack/react-router';
import { Monitor, Moon, Sun } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { messageOf } from '@/api/messages';
import type { Me } from '@/api/types';
import { cn } from '@/lib/cn';
import { usePageTitle } from '@/lib/page-title';
import { text } from '@/lib/text';
import { setTheme, type Theme, useTheme } from '@/lib/theme';
import { Button, buttonClass } from '@/ui/button';
import { toast } from '@/ui/toast';
import { AvatarForm } from './avatar-form';
import { ProfileForm } from './profile-form';

export function SettingsPage({ me, onLogout }: { me: Me; onLogout: () => Promise<void> }) {
  usePageTitle(text.settings.title);
  const [busy, setBusy] = useState(false);

  async function logout() {
    setBusy(true);
    await onLogout().catch((error) => toast(messageOf(error), 'error'));
    setBusy(false);
  }

  return (
    <main id="main" className="mx-auto w-full max-w-2xl flex-1 px-4 py-8 sm:px-6 max-sm:py-5">
      <h1 className="text-2xl font-semibold" tabIndex={-1}>
        {text.settings.title}
      </h1>
      <Section title={text.settings.profile} lead={text.settings.profileLead}>
        <AvatarForm me={me} />
        <div className="mt-6 border-t border-line pt-6">
          <ProfileForm me={me} />
        </div>
      </Section>
      <Section title={text.settings.appearance} lead={text.settings.appearanceLead}>
        <ThemeChoice />
      </Section>
      <Section title={text.settings.connection} lead={text.settings.connectionLead}>
        <Link to="/connection-test" className={buttonClass('secondary')}>
          {text.settings.connectionTest}
        </Link>
      </Section>
      <Section title={text.settings.account} lead={text.settings.accountLead(me.email)}>
        <Button variant="secondary" busy={busy} onClick={() => void logout()}>
          {text.nav.logout}
        </Button>
      </Section>
    </main>
  );
}

function Section({ title, lead, children }: { title: string; lead: string; children: ReactNode }) {
  return (
    <section className="mt-6 rounded-2xl border border-line bg-surface p-6 shadow-card max-sm:p-4">
      <h2 className="text-lg font-semibold">{title}</h2>
      <p className="mt-0.5 text-sm text-muted">{lead}</p>
      <div className="mt-5">{children}</div>
    </section>
  );
}

const THEMES = [
  { value: 'system', label: text.theme.system, Icon: Monitor },
  { value: 'light', label: text.theme.light, Icon: Sun },
  { value: 'dark', label: text.theme.dark, Icon: Moon },
] as const;

function ThemeChoice() {
  const theme = useTheme();
  return (
    <fieldset>
      <legend className="sr-only">{text.theme.label}</legend>
      <div className="grid grid-cols-3 gap-2">
        {THEMES.map(({ value, label, Icon }) => (
          <label
            key={value}
            className={cn(
              'flex min-h-11 cursor-pointer items-center justify-center gap-2 rounded-lg border px-3 py-2.5 text-sm font-medium transition-colors',
              'has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-accent',
              theme === value ? 'border-accent bg-accent-soft text-accent-ink' : 'border-line hover:bg-hover',
            )}
          >
            <input
              type="radio"
              name="theme"
              value={value}
              checked={theme === value}
              onChange={() => setTheme(value as Theme)}
              className="sr-only"
            />
            <Icon className="size-4 max-[22rem]:hidden" aria-hidden="true" />
            {label}
          </label>
        ))}
      </div>
    </fieldset>
  );
}
