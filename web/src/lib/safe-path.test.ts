import { expect, it } from 'vitest';
import { safePath } from './safe-path';

it.each(['/rooms', '/rooms/1?q=a#b', '/invite/abc', '/'])('keeps %s', (path) => {
  expect(safePath(path)).toBe(path);
});

it.each([
  'https://evil.example/',
  '//evil.example/',
  '/\\evil.example',
  '\\\\evil.example',
  '/\t/evil.example',
  '/rooms\nx',
  'javascript:alert(1)',
  'rooms',
  '',
  undefined,
  42,
])('goes to the rooms instead of %s', (path) => {
  expect(safePath(path)).toBe('/rooms');
});
