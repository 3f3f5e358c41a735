import { fireEvent, render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { useState } from 'react';
import { expect, it, vi } from 'vitest';
import { Dialog } from './dialog';

function beside() {
  fireEvent.mouseDown(screen.getByRole('dialog'));
}

it('closes by a click beside it, but not once something was typed', async () => {
  const onClose = vi.fn();
  render(
    <Dialog title="Edit" onClose={onClose}>
      <input aria-label="Name" />
    </Dialog>,
  );
  beside();
  expect(onClose).toHaveBeenCalledTimes(1);
  await userEvent.setup().type(screen.getByLabelText('Name'), 'x');
  beside();
  expect(onClose).toHaveBeenCalledTimes(1);
  await userEvent.setup().click(screen.getByRole('button', { name: 'Close' }));
  expect(onClose).toHaveBeenCalledTimes(2);
});

function TwoSteps() {
  const [second, setSecond] = useState(false);
  return (
    <Dialog title="Invite" onClose={() => undefined}>
      {second ? (
        <button key="second" type="button" data-autofocus="">
          Copy
        </button>
      ) : (
        <button key="first" type="button" onClick={() => setSecond(true)}>
          Create
        </button>
      )}
    </Dialog>
  );
}

it('keeps the focus inside when what had it is replaced', async () => {
  render(<TwoSteps />);
  await userEvent.setup().click(screen.getByRole('button', { name: 'Create' }));
  expect(screen.getByRole('button', { name: 'Copy' })).toHaveFocus();
});
