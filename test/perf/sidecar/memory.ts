/** What a process holds in memory while streams are open. */
import { Agent, request } from 'undici';
import { rssMb } from '../../support/process-figures.js';
import { callOf, FIRST_TOKEN, HOLD } from './calls.js';
import type { Target } from './job.js';

/** RSS in MB with `count` streams of a model open, each of which has brought its first token. */
export async function rssWithStreams({ url = '', headers, pid = 0 }: Target, count: number): Promise<number> {
  const agent = new Agent({ connections: count, pipelining: 1 });
  const ended = new AbortController();
  const { path, headers: own, body } = callOf('stream', 1, HOLD, '');
  try {
    await Promise.all(
      Array.from({ length: count }, async () => {
        const answer = await request(`${url}${path}`, {
          dispatcher: agent,
          method: 'POST',
          headers: { ...own, ...headers },
          body,
          signal: ended.signal,
        });
        // Stays open: leaving the loop would end it.
        const chunks = answer.body[Symbol.asyncIterator]();
        for (let text = ''; !text.includes(FIRST_TOKEN); ) {
          const next: IteratorResult<unknown, unknown> = await chunks.next();
          if (next.done === true) throw new Error(`no stream: ${answer.statusCode} ${text}`);
          text += String(next.value);
        }
        answer.body.on('error', () => undefined);
      }),
    );
    return rssMb(pid);
  } finally {
    ended.abort();
    await agent.destroy();
  }
}
