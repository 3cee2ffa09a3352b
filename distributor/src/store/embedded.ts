/** The embedded database: PGlite behind a thread, as kysely's PGlite dialect wants it. */

import { mkdir } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import type { PGlite as PGliteForKysely } from 'kysely';
import type { EmbeddedAnswer, EmbeddedQuestion } from './embedded-worker.js';

interface Waiting {
  resolve(answer: EmbeddedAnswer): void;
  reject(error: Error): void;
}

type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;

/**
 * Starts the thread; the folder is made when it is not there. The first start makes the database's files and takes
 * seconds of one core, later ones about one. Transactions are the caller's to keep apart: there is one connection.
 * @throws Error when the folder cannot be made. What goes wrong in the thread rejects the queries.
 */
export async function openEmbedded(dir: string): Promise<PGliteForKysely> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const worker = new Worker(new URL('./embedded-worker.js', import.meta.url), { workerData: dir });
  const waiting = new Map<number, Waiting>();
  let next = 0;
  let ended: Error | undefined;
  const end = (error: Error): void => {
    ended ??= error;
    for (const one of waiting.values()) one.reject(error);
    waiting.clear();
  };
  worker.on('message', (answer: EmbeddedAnswer) => {
    waiting.get(answer.id)?.resolve(answer);
    waiting.delete(answer.id);
  });
  worker.on('error', end);
  worker.on('exit', () => end(new Error('the embedded database has ended')));

  const ask = async (question: WithoutId<EmbeddedQuestion>): Promise<EmbeddedAnswer & { rows: readonly unknown[] }> => {
    if (ended !== undefined) throw ended;
    next += 1;
    const id = next;
    const answer = await new Promise<EmbeddedAnswer>((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      worker.postMessage({ ...question, id });
    });
    if ('error' in answer) throw Object.assign(new Error(answer.error.message), { code: answer.error.code });
    return answer;
  };
  const query: PGliteForKysely['query'] = async <T>(sql: string, parameters: unknown[] = []) => {
    const { rows, affectedRows } = (await ask({ sql, parameters })) as {
      rows: readonly unknown[];
      affectedRows?: number;
    };
    return { rows: rows as T[], fields: [], ...(affectedRows === undefined ? {} : { affectedRows }) };
  };

  return {
    get closed() {
      return ended !== undefined;
    },
    ready: true,
    waitReady: Promise.resolve(),
    query,
    async transaction(work) {
      await query('begin');
      try {
        const result = await work({ query, rollback: async () => void (await query('rollback')) });
        await query('commit');
        return result;
      } catch (error: unknown) {
        await query('rollback');
        throw error;
      }
    },
    async close() {
      if (ended !== undefined) return;
      await ask({ close: true });
      await worker.terminate();
    },
  };
}
