/** TLS with a certificate that nobody vouches for. */
import { execFileSync } from 'node:child_process';
import { request } from 'node:https';
import { join } from 'node:path';

/** Makes a certificate for 127.0.0.1 and its key; their paths. */
export function makeCertificate(folder: string): { certificate: string; key: string } {
  const [certificate, key] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')];
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  const names = ['-subj', '/CN=hubbub', '-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync('openssl', ['req', ...kind, ...names, '-out', certificate, '-keyout', key], { stdio: 'ignore' });
  return { certificate, key };
}

/** As much of `fetch` as is needed, believing any certificate. */
export function askSecurely(
  url: string,
  options: { method: string; headers?: Record<string, string>; body?: string },
): Promise<{ status: number; ok: boolean; text(): Promise<string> }> {
  return new Promise((done, failed) => {
    const asked = request(url, { ...options, rejectUnauthorized: false, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', failed);
      response.on('end', () => {
        const status = response.statusCode ?? 0;
        const text = Buffer.concat(chunks).toString();
        done({ status, ok: status >= 200 && status < 300, text: async () => text });
      });
    });
    asked.on('error', failed);
    asked.end(options.body);
  });
}
