import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, it, vi } from 'vitest';
import { ApiProblem } from '@/api/problem';
import { RoomForm } from './room-form';

const EMPTY = { name: '', description: '', isPrivate: false, maxParticipants: 100 };

function setUp(onSubmit = vi.fn(async (): Promise<unknown> => undefined)) {
  render(<RoomForm initial={EMPTY} submitLabel="Create room" onSubmit={onSubmit} onCancel={() => undefined} />);
  return {
    onSubmit,
    user: userEvent.setup(),
    name: screen.getByLabelText('Name'),
    seats: screen.getByLabelText('Seats'),
  };
}

const submit = () => screen.getByRole('button', { name: 'Create room' });

it('sends what was typed, trimmed', async () => {
  const { onSubmit, user, name, seats } = setUp();
  await user.type(name, '  Tea ');
  await user.clear(seats);
  await user.type(seats, '12');
  await user.click(screen.getByRole('switch', { name: /Private/ }));
  await user.click(submit());
  expect(onSubmit).toHaveBeenCalledWith({ name: 'Tea', description: '', isPrivate: true, maxParticipants: 12 });
});

it('says what is missing, at the field, and puts the focus there', async () => {
  const { onSubmit, user, name } = setUp();
  await user.click(submit());
  expect(onSubmit).not.toHaveBeenCalled();
  expect(name).toHaveFocus();
  expect(name).toBeInvalid();
  expect(name).toHaveAccessibleDescription('Fill this in.');
  await user.type(name, 'T');
  expect(name).toBeValid();
});

it.each(['1', '10001', '2.5', 'many', ''])('refuses %s seats', async (count) => {
  const { onSubmit, user, name, seats } = setUp();
  await user.type(name, 'Tea');
  await user.clear(seats);
  if (count) await user.type(seats, count);
  await user.click(submit());
  expect(onSubmit).not.toHaveBeenCalled();
  expect(seats).toBeInvalid();
});

it('shows at the field what the server says about it', async () => {
  const problem = new ApiProblem(
    422,
    {
      code: 'validation-failed',
      errors: [{ field: 'name', code: 'invisible', detail: 'contains an invisible character' }],
    },
    null,
  );
  const { user, name } = setUp(vi.fn(() => Promise.reject(problem)));
  await user.type(name, 'Tea');
  await user.click(submit());
  await waitFor(() => expect(name).toHaveAccessibleDescription('Contains an invisible character.'));
});

it('shows above the form what belongs to no field, and keeps what was typed', async () => {
  const problem = new ApiProblem(409, { code: 'room-limit-reached', detail: 'x' }, null);
  const { user, name } = setUp(vi.fn(() => Promise.reject(problem)));
  await user.type(name, 'Tea');
  await user.click(submit());
  expect(await screen.findByText(/as many rooms as this server allows/)).toBeInTheDocument();
  expect(name).toHaveValue('Tea');
});
