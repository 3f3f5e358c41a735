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

it.each([
  ['10,000', 10_000],
  ['10 000', 10_000],
  ['1’500', 1_500],
  ['9999', 9_999],
])('takes %s for a number of seats', async (typed, seatCount) => {
  const { onSubmit, user, name, seats } = setUp();
  await user.type(name, 'Tea');
  await user.clear(seats);
  await user.type(seats, typed);
  await user.click(submit());
  expect(onSubmit).toHaveBeenCalledWith(expect.objectContaining({ maxParticipants: seatCount }));
});

it('sends how many voices are heard at once only when that was said', async () => {
  const { onSubmit, user, name } = setUp();
  await user.type(name, 'Tea');
  await user.click(screen.getByText('Advanced'));
  const voices = screen.getByLabelText('Voices at once');
  expect(voices).toHaveAccessibleDescription(/heard at the same time/);
  await user.type(voices, '0');
  await user.click(submit());
  expect(onSubmit).not.toHaveBeenCalled();
  expect(voices).toBeInvalid();
  await user.clear(voices);
  await user.type(voices, '3');
  await user.click(submit());
  expect(onSubmit).toHaveBeenCalledWith(expect.objectContaining({ maxForwardedSpeakers: 3 }));
});

it('opens the advanced part when the server refuses what is in it', async () => {
  const problem = new ApiProblem(
    422,
    {
      code: 'validation-failed',
      errors: [{ field: 'maxForwardedSpeakers', code: 'range', detail: 'must be 1 to 8, is 20' }],
    },
    null,
  );
  const { user, name } = setUp(vi.fn(() => Promise.reject(problem)));
  await user.type(name, 'Tea');
  await user.click(submit());
  const voices = await screen.findByLabelText('Voices at once');
  await waitFor(() => expect(voices.closest('details')).toHaveAttribute('open'));
  expect(voices).toHaveAccessibleDescription(/Must be 1 to 8, is 20\./);
});

it('says of a room with people in it what privacy does to those who were not invited', () => {
  render(
    <RoomForm
      existing
      initial={EMPTY}
      submitLabel="Save"
      onSubmit={async () => undefined}
      onCancel={() => undefined}
    />,
  );
  expect(screen.getByRole('switch', { name: /Private/ })).toHaveAccessibleDescription(/did not invite is sent out/);
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
