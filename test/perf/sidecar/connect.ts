/** The client's end of every way: undici over HTTP, lines over pipes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Pool } from 'undici';
import { type Call, FIRST_TOKEN, LIST_TOOLS, MCP } from './calls.js';
import { type Job, type Target, WIDEST } from './job.js';

/** What came back. */
export interface Answer {
  readonly text: string;
  /** When the first token was there, of a stream. */
  readonly firstAt?: number;
}

/** A way that is open. */
export interface Way {
  /** Who is in between. */
  readonly pid: number | undefined;
  /** @throws Error when the answer is none */
  call(call: Call): Promise<Answer>;
  close(): Promise<void>;
}

/** Opens it. */
export async function connect(job: Job, target: Target): Promise<Way> {
  return target.url === undefined ? connectStdio(target) : connectHttp(job, target, target.url);
}

async function connectHttp({ surface, origin }: Job, { headers, pid }: Target, url: string): Promise<Way> {
  const { origin: server, pathname } = new URL(url);
  const pool = new Pool(server, { connections: WIDEST, pipelining: 1 });
  const base = pathname === '/' ? '' : pathname;
  const { host } = new URL(origin);
  // A forward proxy is told the whole address.
  const proxied = surface === 'egress' && server !== origin;
  if (surface === 'mcp') {
    const { body } = await pool.request({ method: 'POST', path: base, headers: MCP, body: LIST_TOOLS });
    await body.text();
  }
  return {
    pid,
    async call(call) {
      const { statusCode, body } = await pool.request({
        method: 'POST',
        path: proxied ? `${origin}${call.path}` : `${base}${call.path}` || '/',
        headers: { ...call.headers, ...headers, ...(surface === 'egress' ? { host } : {}) },
        body: call.body,
      });
      if (statusCode !== 200) throw new Error(`${statusCode}: ${await body.text()}`);
      if (surface !== 'stream') return { text: await body.text() };
      let text = '';
      let firstAt: number | undefined;
      for await (const chunk of body) {
        text += String(chunk);
        if (firstAt === undefined && text.includes(FIRST_TOKEN)) firstAt = performance.now();
      }
      return firstAt === undefined ? { text } : { text, firstAt };
    },
    close: () => pool.close(),
  };
}

async function connectStdio({ subject, command = [] }: Target): Promise<Way> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'] });
  const waiting = new Map<number | string, (line: string) => void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { id } = JSON.parse(line) as { readonly id?: number | string };
    if (id !== undefined) waiting.get(id)?.(line);
  });
  const ask = (id: number | string, line: string): Promise<string> =>
    new Promise((resolve) => {
      waiting.set(id, (answer) => {
        waiting.delete(id);
        resolve(answer);
      });
      child.stdin.write(`${line}\n`);
    });
  const client = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'bench', version: '1.0.0' } };
  await ask(0, JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params: client }));
  child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' })}\n`);
  await ask('list', LIST_TOOLS);
  return {
    pid: subject === 'direct' ? undefined : child.pid,
    async call({ body }) {
      const { id } = JSON.parse(body) as { readonly id: number };
      return { text: await ask(id, body) };
    },
    async close() {
      child.stdin.end();
      child.kill();
      await once(child, 'exit');
    },
  };
}
