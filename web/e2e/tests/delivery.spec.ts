/** How the web client inside the binary is delivered. */
import { type IncomingHttpHeaders, request } from 'node:http';
import { expect, test } from '../support/fixtures.ts';

interface Delivered {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/** A request as it is on the wire: nothing is added, and nothing is unpacked. */
function ask(url: string, headers: Record<string, string> = {}): Promise<Delivered> {
  return new Promise((done, failed) => {
    const sent = request(url, { headers }, (answer) => {
      let text = '';
      answer.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1');
      });
      answer.on('end', () => done({ status: answer.statusCode ?? 0, headers: answer.headers, text }));
    });
    sent.once('error', failed);
    sent.end();
  });
}

test('pages and scripts are compressed where that is accepted, and scripts are sent once', async ({ server }) => {
  const page = await ask(`${server.url}/`, { 'accept-encoding': 'gzip, br' });
  expect(page.headers['content-encoding']).toBe('br');
  expect(page.headers['cache-control']).not.toContain('immutable');

  const plainPage = await ask(`${server.url}/`);
  expect(plainPage.headers['content-encoding']).toBeUndefined();
  const path = plainPage.text.match(/src="(\/assets\/[^"]+\.js)"/)?.[1];
  expect(path, 'the page names its script').toBeTruthy();

  const script = server.url + path;
  const [plain, brotli, gzip] = [
    await ask(script),
    await ask(script, { 'accept-encoding': 'gzip, br' }),
    await ask(script, { 'accept-encoding': 'gzip' }),
  ];
  expect(plain.headers['content-encoding']).toBeUndefined();
  expect(brotli.headers['content-encoding']).toBe('br');
  expect(gzip.headers['content-encoding']).toBe('gzip');
  expect(brotli.text.length).toBeLessThan(plain.text.length / 2);
  expect(brotli.headers['content-type']).toBe(plain.headers['content-type']);
  expect(brotli.headers['cache-control']).toContain('immutable');

  const again = await ask(script, { 'accept-encoding': 'br', 'if-none-match': brotli.headers.etag ?? '' });
  expect(again.status).toBe(304);
  expect(again.text).toBe('');
});
