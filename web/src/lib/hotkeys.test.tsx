import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, it, vi } from 'vitest';
import { useHotkey } from './hotkeys';

const action = vi.fn();

function Page() {
  useHotkey('m', action);
  return (
    <>
      <input aria-label="text" />
      <textarea aria-label="lines" />
      {/* biome-ignore lint/a11y/useSemanticElements: a rich editor is exactly this */}
      <div role="textbox" aria-label="rich" contentEditable suppressContentEditableWarning tabIndex={0}>
        x
      </div>
      <input type="checkbox" aria-label="box" />
      <button type="button">button</button>
    </>
  );
}

function setUp() {
  action.mockClear();
  render(<Page />);
  return userEvent.setup();
}

it('reacts to M and to Shift+M anywhere on the page', async () => {
  const user = setUp();
  await user.keyboard('m');
  await user.keyboard('{Shift>}M{/Shift}');
  screen.getByRole('button').focus();
  await user.keyboard('m');
  screen.getByRole('checkbox').focus();
  await user.keyboard('m');
  expect(action).toHaveBeenCalledTimes(4);
});

it.each(['text', 'lines', 'rich'])('leaves M alone in the field "%s"', async (label) => {
  const user = setUp();
  screen.getByLabelText(label).focus();
  await user.keyboard('m');
  expect(action).not.toHaveBeenCalled();
});

it('leaves shortcuts of the browser alone, and counts a key held down once', async () => {
  const user = setUp();
  await user.keyboard('{Control>}m{/Control}{Meta>}m{/Meta}{Alt>}m{/Alt}');
  expect(action).not.toHaveBeenCalled();
  await user.keyboard('{m>3/}');
  expect(action).toHaveBeenCalledTimes(1);
});
