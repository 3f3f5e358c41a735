import { LogOut, Monitor, Moon, Settings, ShieldCheck, Sun } from 'lucide-react';
import type { Me } from '@/api/types';
import { text } from '@/lib/text';
import { setTheme, type Theme, useTheme } from '@/lib/theme';
import { Avatar } from '@/ui/avatar';
import { Menu, MenuChoice, MenuItem, MenuLabel, MenuSeparator } from '@/ui/menu';

interface AccountMenuProps {
  me: Me;
  onSettings: () => void;
  onAdmin: () => void;
  onLogout: () => void;
}

export function AccountMenu({ me, onSettings, onAdmin, onLogout }: AccountMenuProps) {
  const theme = useTheme();
  return (
    <Menu
      label={text.nav.account(me.displayName)}
      trigger={
        <button
          type="button"
          aria-label={text.nav.account(me.displayName)}
          className="grid size-11 place-items-center rounded-full hover:bg-hover"
        >
          <Avatar name={me.displayName} src={me.avatarUrl} size="md" />
        </button>
      }
    >
      <div className="flex flex-col px-2.5 pt-1 pb-2">
        <span dir="auto" className="truncate font-medium">
          {me.displayName}
        </span>
        <span dir="auto" className="truncate text-muted">
          @{me.username}
        </span>
      </div>
      <MenuSeparator />
      <MenuLabel>{text.theme.label}</MenuLabel>
      <MenuChoice
        value={theme}
        onChange={(value) => setTheme(value as Theme)}
        options={[
          { value: 'system', label: text.theme.system, icon: <Monitor className="size-4" aria-hidden="true" /> },
          { value: 'light', label: text.theme.light, icon: <Sun className="size-4" aria-hidden="true" /> },
          { value: 'dark', label: text.theme.dark, icon: <Moon className="size-4" aria-hidden="true" /> },
        ]}
      />
      <MenuSeparator />
      {me.role === 'admin' && (
        <MenuItem onSelect={onAdmin} icon={<ShieldCheck className="size-4" aria-hidden="true" />}>
          {text.nav.admin}
        </MenuItem>
      )}
      <MenuItem onSelect={onSettings} icon={<Settings className="size-4" aria-hidden="true" />}>
        {text.nav.settings}
      </MenuItem>
      <MenuItem onSelect={onLogout} icon={<LogOut className="size-4" aria-hidden="true" />}>
        {text.nav.logout}
      </MenuItem>
    </Menu>
  );
}
