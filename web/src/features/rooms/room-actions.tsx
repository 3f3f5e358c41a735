import { Ellipsis, Link2, Pencil, Trash2, UserPlus } from 'lucide-react';
import { useRef, useState } from 'react';
import { messageOf } from '@/api/messages';
import type { RoomDetails } from '@/api/types';
import { text } from '@/lib/text';
import { Button } from '@/ui/button';
import { Dialog, DialogActions } from '@/ui/dialog';
import { FormError } from '@/ui/form-error';
import { Menu, MenuItem, MenuSeparator } from '@/ui/menu';
import { toast } from '@/ui/toast';
import { InviteDialog } from './invite-dialog';
import { useDeleteRoom, useUpdateRoom } from './queries';
import { RoomForm } from './room-form';

/** What one may do to a room: everybody copies its link, the rest is its owner's. */
export function RoomActions({ room, onDeleted }: { room: RoomDetails; onDeleted: () => void }) {
  if (room.isOwner) return <OwnerActions room={room} onDeleted={onDeleted} />;
  return (
    <Button
      variant="secondary"
      size="icon"
      aria-label={text.roomActions.copyLink}
      title={text.roomActions.copyLink}
      onClick={() => void copyLink(room.id)}
      icon={<Link2 className="size-4.5" aria-hidden="true" />}
    />
  );
}

/** Copies the room's address, or shows it where the browser gives no clipboard. */
async function copyLink(roomId: string): Promise<void> {
  const link = `${window.location.origin}/rooms/${roomId}`;
  try {
    await navigator.clipboard.writeText(link);
    toast(text.roomActions.linkCopied);
  } catch {
    toast(link);
  }
}

function OwnerActions({ room, onDeleted }: { room: RoomDetails; onDeleted: () => void }) {
  const [open, setOpen] = useState<'invite' | 'edit' | 'delete' | null>(null);
  const trigger = useRef<HTMLButtonElement>(null);
  const close = () => setOpen(null);
  const dialog = { onClose: close, returnFocus: trigger };
  return (
    <>
      <Menu
        label={text.roomActions.menu}
        trigger={
          <Button
            ref={trigger}
            variant="secondary"
            size="icon"
            aria-label={text.roomActions.menu}
            icon={<Ellipsis className="size-4.5" aria-hidden="true" />}
          />
        }
      >
        <MenuItem onSelect={() => setOpen('invite')} icon={<UserPlus className="size-4" aria-hidden="true" />}>
          {text.roomActions.invite}
        </MenuItem>
        <MenuItem onSelect={() => void copyLink(room.id)} icon={<Link2 className="size-4" aria-hidden="true" />}>
          {text.roomActions.copyLink}
        </MenuItem>
        <MenuItem onSelect={() => setOpen('edit')} icon={<Pencil className="size-4" aria-hidden="true" />}>
          {text.roomActions.edit}
        </MenuItem>
        <MenuSeparator />
        <MenuItem danger onSelect={() => setOpen('delete')} icon={<Trash2 className="size-4" aria-hidden="true" />}>
          {text.roomActions.delete}
        </MenuItem>
      </Menu>
      {open === 'invite' && <InviteDialog roomId={room.id} {...dialog} />}
      {open === 'edit' && <EditDialog room={room} {...dialog} />}
      {open === 'delete' && <DeleteDialog room={room} onDeleted={onDeleted} {...dialog} />}
    </>
  );
}

interface ActionDialogProps {
  room: RoomDetails;
  onClose: () => void;
  returnFocus: React.RefObject<HTMLButtonElement | null>;
}

function EditDialog({ room, onClose, returnFocus }: ActionDialogProps) {
  const update = useUpdateRoom(room.id);
  return (
    <Dialog title={text.roomForm.editTitle} onClose={onClose} returnFocus={returnFocus}>
      <RoomForm
        initial={{
          name: room.name,
          description: room.description,
          isPrivate: room.isPrivate,
          maxParticipants: room.maxParticipants,
          maxForwardedSpeakers: room.maxForwardedSpeakers,
        }}
        existing
        submitLabel={text.common.save}
        onSubmit={async (fields) => {
          await update.mutateAsync(fields);
          toast(text.roomForm.saved);
          onClose();
        }}
        onCancel={onClose}
      />
    </Dialog>
  );
}

function DeleteDialog({ room, onClose, returnFocus, onDeleted }: ActionDialogProps & { onDeleted: () => void }) {
  const remove = useDeleteRoom(room.id);
  return (
    <Dialog
      title={text.roomActions.deleteTitle(room.name)}
      description={text.roomActions.deleteLead}
      onClose={onClose}
      returnFocus={returnFocus}
    >
      <FormError message={remove.error && messageOf(remove.error)} />
      <DialogActions>
        <Button variant="secondary" data-autofocus="" onClick={onClose}>
          {text.common.cancel}
        </Button>
        <Button
          variant="danger"
          busy={remove.isPending}
          onClick={() =>
            remove.mutate(undefined, {
              onSuccess: () => {
                toast(text.roomActions.deleted);
                onDeleted();
              },
            })
          }
        >
          {text.roomActions.delete}
        </Button>
      </DialogActions>
    </Dialog>
  );
}
