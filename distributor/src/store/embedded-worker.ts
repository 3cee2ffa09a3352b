/**
 * PostgreSQL compiled to WebAssembly, in a thread of its own: it computes synchronously, for seconds when it makes its
 * files, and a distributor must hand on a kill list meanwhile.
 */

import { parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';

/** What the thread is asked. */
export type EmbeddedQuestion =
  | { readonly id: number; readonly sql: string; readonly parameters: readonly unknown[] }
  | { readonly id: number; readonly close: true };

/** What it answers: the result of the query, or what PostgreSQL said against it. */
export type EmbeddedAnswer =
  | { readonly id: number; readonly rows: readonly unknown[]; readonly affectedRows: number | undefined }
  | { readonly id: number; readonly error: { readonly message: string; readonly code: string | undefined } };

/** Answers one question after the other, until it is told to close. */
async function serve(): Promise<void> {
  const port = parentPort;
  if (port === null) return;
  const opening = PGlite.create(workerData as string);
  const answer = async (question: EmbeddedQuestion): Promise<EmbeddedAnswer> => {
    const { id } = question;
    try {
      const db = await opening;
      if ('close' in question) {
        await db.close();
        return { id, rows: [], affectedRows: undefined };
      }
      const { rows, affectedRows } = await db.query(question.sql, [...question.parameters]);
      return { id, rows, affectedRows };
    } catch (error: unknown) {
      const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
      const message = error instanceof Error ? error.message : String(error);
      return { id, error: { message, code: typeof code === 'string' ? code : undefined } };
    }
  };
  port.on('message', (question: EmbeddedQuestion) => {
    void answer(question).then((reply) => {
      port.postMessage(reply);
      if ('close' in question) port.close();
    });
  });
}

await serve();
