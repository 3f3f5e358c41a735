import { act, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { SearchField } from './search-field';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

function setUp(value: string) {
  const told = vi.fn();
  // A page hands a new function down each time it is drawn.
  const field = (value: string) => (
    <SearchField value={value} onChange={(text) => told(text)} label="Search" clearLabel="Clear" />
  );
  const { rerender } = render(field(value));
  const input = screen.getByRole('searchbox', { name: 'Search' });
  return { told, input, draw: (value: string) => rerender(field(value)) };
}

function pass(milliseconds: number) {
  act(() => {
    vi.advanceTimersByTime(milliseconds);
  });
}

it('tells what was typed once, trimmed, after a pause', () => {
  const { told, input, draw } = setUp('');
  fireEvent.change(input, { target: { value: 't' } });
  pass(200);
  fireEvent.change(input, { target: { value: ' tea ' } });
  pass(200);
  expect(told).not.toHaveBeenCalled();
  pass(100);
  expect(told.mock.calls).toEqual([['tea']]);
  draw('tea');
  expect(input).toHaveValue(' tea ');
});

it('can be cleared', () => {
  const { told, input } = setUp('tea');
  fireEvent.click(screen.getByRole('button', { name: 'Clear' }));
  expect(input).toHaveValue('');
  pass(300);
  expect(told.mock.calls).toEqual([['']]);
});

it('shows what the address says, and never brings back what stood there before', () => {
  const { told, input, draw } = setUp('tea');
  fireEvent.change(input, { target: { value: 'team' } });
  pass(100);
  draw('');
  expect(input).toHaveValue('');
  draw('');
  pass(300);
  draw('');
  pass(300);
  expect(told).not.toHaveBeenCalled();
});
