import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { describe, expect, it } from 'vitest';

const SRC = join(import.meta.dirname, '..');

interface Import {
  from: string;
  to: string;
}

/** Every import of ours and of packages: from which file, to which path below src or package. */
function imports(): Import[] {
  const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.tsx?$/.test(file) && !/\.test\.tsx?$|\.d\.ts$/.test(file))
    .map((file) => file.split(sep).join('/'));
  return files.flatMap((from) => {
    const source = readFileSync(join(SRC, from), 'utf8');
    return [...source.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, path = '']) => {
      if (path.startsWith('@/')) return { from, to: path.slice(2) };
      if (path.startsWith('.'))
        return {
          from,
          to: relative(SRC, join(SRC, from, '..', path))
            .split(sep)
            .join('/'),
        };
      return { from, to: `npm:${path}` };
    });
  });
}

const ALL = imports();
const folder = (path: string) => path.split('/')[0] ?? '';
const breaking = (test: (i: Import) => boolean) => ALL.filter(test).map(({ from, to }) => `${from} → ${to}`);

/** What a folder may use of ours besides itself; the same arrows as in ARCHITECTURE.md. */
const MAY_USE: Record<string, string[]> = {
  protocol: [],
  lib: [],
  rtc: ['protocol'],
  api: ['lib'],
  ui: ['lib'],
  features: ['api', 'lib', 'protocol', 'rtc', 'ui'],
  app: ['api', 'features', 'lib', 'rtc', 'ui'],
};

describe('the arrows between folders', () => {
  it('finds the imports at all', () => {
    expect(ALL.length).toBeGreaterThan(200);
  });

  it.each(Object.keys(MAY_USE))('%s uses only what it may', (name) => {
    const allowed = new Set([name, ...(MAY_USE[name] ?? [])]);
    expect(breaking((i) => folder(i.from) === name && !i.to.startsWith('npm:') && !allowed.has(folder(i.to)))).toEqual(
      [],
    );
  });

  it('features do not know each other', () => {
    const feature = (path: string) => path.split('/').slice(0, 2).join('/');
    const isOther = (i: Import) => i.to.startsWith('features/') && feature(i.from) !== feature(i.to);
    expect(breaking((i) => i.from.startsWith('features/') && isOther(i))).toEqual([]);
  });

  it('rtc knows no React', () => {
    expect(breaking((i) => i.from.startsWith('rtc/') && /^npm:(react|@tanstack|radix-ui|lucide)/.test(i.to))).toEqual(
      [],
    );
  });
});
