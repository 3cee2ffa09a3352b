/**
 * Lets the reference implementation of TUF read what our distributor wrote: a release, its successor, a rollback, and
 * then the same repository with one byte changed in each file that it needs, which it must refuse.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProcess } from '../support/child-process.js';
import { ALLOW_ALL_MCP, policySource } from '../support/policy-source.js';
import { repositoryRoot } from '../support/root.js';
import { CHANNEL, ENV, startStack } from '../support/stack.js';

/** One check and what came out; `undefined` is a pass. */
export interface PythonTufCheck {
  readonly name: string;
  readonly failure?: string;
}

type Serve = (path: string, bytes: Buffer) => Buffer;

async function serveFolder(folder: string, change: () => Serve): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    const path = decodeURIComponent((request.url ?? '/').slice(1));
    if (!/^(metadata|targets)\/[\w./-]+$/.test(path) || path.includes('..')) {
      response.writeHead(404).end();
      return;
    }
    try {
      response.end(change()(path, readFileSync(join(folder, path))));
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

interface Reading {
  readonly pointer: {
    readonly seq: number;
    readonly stable: { readonly sha256: string; readonly policy_version: string };
  };
  readonly bundle_sha256: string;
}

/** Runs all checks with the given Python, which must have `tuf` installed. */
export async function checkWithPythonTuf(python: string): Promise<readonly PythonTufCheck[]> {
  const script = join(repositoryRoot(), 'test', 'conformance', 'python', 'read_repository.py');
  const stack = await startStack();
  let change: Serve = (_path, bytes) => bytes;
  const { url, server } = await serveFolder(join(stack.folder, 'distributor'), () => change);
  const checks: PythonTufCheck[] = [];
  const clients: string[] = [];

  const read = async (client?: string): Promise<Reading | string> => {
    const folder = client ?? mkdtempSync(join(tmpdir(), 'portcullis-python-tuf-'));
    if (client === undefined) clients.push(folder);
    const running = startProcess(python, [
      script,
      stack.trust.rootFile,
      url,
      folder,
      `releases/${ENV}/${CHANNEL}.json`,
    ]);
    const { code } = await running.exited;
    const line = running.output().trim();
    return code === 0 ? (JSON.parse(line) as Reading) : line;
  };
  const expectVersion = async (name: string, client: string, version: string, seq: number): Promise<void> => {
    const reading = await read(client);
    const ok =
      typeof reading !== 'string' &&
      reading.pointer.seq === seq &&
      reading.pointer.stable.policy_version === version &&
      reading.bundle_sha256 === reading.pointer.stable.sha256;
    checks.push(ok ? { name } : { name, failure: JSON.stringify(reading) });
  };

  try {
    const client = mkdtempSync(join(tmpdir(), 'portcullis-python-tuf-'));
    clients.push(client);
    await stack.publish(policySource('1.0.0', [ALLOW_ALL_MCP]), { waitMs: 20_000 });
    await expectVersion('reads the first release', client, '1.0.0', 1);
    await stack.publish(policySource('1.1.0', [{ ...ALLOW_ALL_MCP, priority: 2 }]), { waitMs: 20_000 });
    await expectVersion('follows to the second release', client, '1.1.0', 2);
    await stack.rollback('1.0.0', 'conformance');
    await expectVersion('follows a rollback as a higher release', client, '1.0.0', 3);

    const parts = [
      'timestamp.json',
      'snapshot.json',
      '.targets.json',
      `releases-${ENV}.json`,
      `${CHANNEL}.json`,
      '.tar.gz',
    ];
    for (const part of parts) {
      let changed = 0;
      change = (path, bytes) => {
        if (!path.endsWith(part)) return bytes;
        changed += 1;
        const copy = Buffer.from(bytes);
        // Inside the signed part, and never a change of case in a hex digit, which would mean the same.
        const at = Math.floor(copy.length / 2);
        copy.writeUInt8(copy.readUInt8(at) ^ 1, at);
        return copy;
      };
      const name = `refuses a changed ${part}`;
      const reading = await read();
      checks.push(
        typeof reading === 'string' && changed > 0
          ? { name }
          : { name, failure: `${changed} changed: ${JSON.stringify(reading)}` },
      );
    }
    change = (_path, bytes) => bytes;
    await expectVersion('reads it again once nothing is changed', client, '1.0.0', 3);
    return checks;
  } finally {
    server.closeAllConnections();
    server.close();
    await stack.close();
    for (const folder of clients) rmSync(folder, { recursive: true, force: true });
  }
}
