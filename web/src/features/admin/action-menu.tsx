import { Ellipsis } from 'lucide-react';
import { type ReactNode, useRef, useState } from 'react';
import { Button } from '@/ui/button';
import { Menu, MenuItem } from '@/ui/menu';
import { type Confirmation, ConfirmDialog } from './confirm-dialog';

/** Something to choose: it either asks first, or leads elsewhere. */
export type MenuAction =
  | { key: string; icon: ReactNode; confirmation: Confirmation }
  | { key: string; icon: ReactNode; label: string; onSelect: () => void };

interface ActionMenuProps {
  label: string;
  actions: MenuAction[];
}

/** What can be done to somebody or something, behind one button; each deed asks first. */
export function ActionMenu({ label, actions }: ActionMenuProps) {
  const [confirmation, setConfirmation] = useState<Confirmation | null>(null);
  const trigger = useRef<HTMLButtonElement>(null);
  return (
    <>
      <Menu
        label={label}
        trigger={
          <Button
            ref={trigger}
            variant="ghost"
            size="icon"
            aria-label={label}
            icon={<Ellipsis className="size-4.5" aria-hidden="true" />}
          />
        }
      >
        {actions.map((action) =>
          'confirmation' in action ? (
            <MenuItem
              key={action.key}
              icon={action.icon}
              danger={action.confirmation.danger}
              onSelect={() => setConfirmation(action.confirmation)}
            >
              {action.confirmation.label}
            </MenuItem>
          ) : (
            <MenuItem key={action.key} icon={action.icon} onSelect={action.onSelect}>
              {action.label}
            </MenuItem>
          ),
        )}
      </Menu>
      {confirmation && (
        <ConfirmDialog confirmation={confirmation} onClose={() => setConfirmation(null)} returnFocus={trigger} />
      )}
    </>
  );
}
