import type { Room } from '@/api/types';
import { text } from '@/lib/text';
import { Dialog } from '@/ui/dialog';
import { useCreateRoom } from './queries';
import { RoomForm } from './room-form';

const EMPTY = { name: '', description: '', isPrivate: false, maxParticipants: 100 };

export function NewRoomDialog({ onClose, onCreated }: { onClose: () => void; onCreated: (room: Room) => void }) {
  const create = useCreateRoom();
  return (
    <Dialog title={text.roomForm.createTitle} onClose={onClose}>
      <RoomForm
        initial={EMPTY}
        submitLabel={text.roomForm.create}
        onSubmit={async (fields) => onCreated(await create.mutateAsync(fields))}
        onCancel={onClose}
      />
    </Dialog>
  );
}
