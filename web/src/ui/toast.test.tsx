import { act, render, screen } from '@testing-library/react';
import { expect, it } from 'vitest';
import { Toaster, toast } from './toast';

it('shows the newest three, the newest on top, and nothing twice', () => {
  render(<Toaster />);
  act(() => {
    for (const message of ['one', 'two', 'three', 'two', 'four']) toast(message);
  });
  const shown = [...screen.getByRole('status').children].map((element) => element.textContent);
  expect(shown).toEqual(['four', 'two', 'three']);
});
