import type { RefObject } from 'react';
import { text } from '@/lib/text';
import { Button } from '@/ui/button';
import { Dialog, DialogActions } from '@/ui/dialog';
import { FormError } from '@/ui/form-error';
import { toast } from '@/ui/toast';
import { adminMessageOf } from './messages';
import { useAdminAction } from './queries';

export interface Confirmation {
  title: string;
  lead: string;
  /** On the button. */
  label: string;
  danger: boolean;
  action: () => Promise<unknown>;
  /** Said when it is done. */
  done: string;
  onDone?: () => void;
}

interface ConfirmDialogProps {
  confirmation: Confirmation;
  onClose: () => void;
  returnFocus: RefObject<HTMLElement | null>;
}

/** Asks before something is done to somebody. */
export function ConfirmDialog({ confirmation, onClose, returnFocus }: ConfirmDialogProps) {
  const { title, lead, label, danger, action, done, onDone } = confirmation;
  const doing = useAdminAction(action);
  return (
    <Dialog title={title} description={lead} onClose={onClose} returnFocus={returnFocus}>
      <FormError message={doing.error && adminMessageOf(doing.error)} />
      <DialogActions>
        <Button variant="secondary" data-autofocus="" onClick={onClose}>
          {text.common.cancel}
        </Button>
        <Button
          variant={danger ? 'danger' : 'primary'}
          busy={doing.isPending}
          onClick={() =>
            doing.mutate(undefined, {
              onSuccess: () => {
                toast(done);
                onClose();
                onDone?.();
              },
            })
          }
        >
          {label}
        </Button>
      </DialogActions>
    </Dialog>
  );
}
