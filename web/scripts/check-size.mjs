// Fails the build when the first view grows past its budget: everything the browser loads to show /login, gzipped.
import { readFile, rm, stat } from 'node:fs/promises';

const BUDGET_KB = 122;
const dist = new URL('../dist/', import.meta.url).pathname;
const manifest = JSON.parse(await readFile(`${dist}.vite/manifest.json`, 'utf8'));

const files = new Set(['index.html', 'theme.js']);
function add(key) {
  const chunk = manifest[key];
  if (!chunk || files.has(chunk.file)) return;
  files.add(chunk.file);
  for (const css of chunk.css ?? []) files.add(css);
  for (const dependency of chunk.imports ?? []) add(dependency);
}
add('index.html');
if (!manifest['src/app/routes/login.tsx']) throw new Error('the manifest has no login page: name it here anew');
add('src/app/routes/login.tsx');

let bytes = 0;
for (const file of files) bytes += (await stat(`${dist}${file}.gz`)).size;
const kilobytes = bytes / 1024;
console.log(`first view (/login): ${kilobytes.toFixed(1)} KB gzipped in ${files.size} files, budget ${BUDGET_KB} KB`);
if (kilobytes > BUDGET_KB) {
  console.error('The first view is over its budget: load what it does not need lazily.');
  process.exit(1);
}
await rm(`${dist}.vite`, { recursive: true });
