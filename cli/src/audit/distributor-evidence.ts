/** Evidence as a distributor stores it, over HTTPS with our certificate. What it says is printed, and not believed. */

import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { PortcullisError, parseStrictJson } from '@portcullis/runtime';
import { type Dispatcher, request } from 'undici';
import { z } from 'zod';
import type { DistributorConnection } from '../release/connection.js';

/** No answer that is read whole is larger. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
/** No line of a chain is longer: a record is a quarter of that, in bytes. */
const MAX_LINE_BYTES = 1024 * 1024;
/** Longest wait for an answer, or for more of it, in milliseconds. */
const ANSWER_TIMEOUT_MS = 60_000;

/** A record as the distributor stores it. */
export interface StoredLine {
  readonly writer: string;
  readonly seq: number;
  /** Whether the distributor holds a checkpoint that covers it. */
  readonly proven: boolean;
  /** The record in the text that it was sealed in. */
  readonly line: string;
}

/** Records, newest first, and how to ask for the next ones. */
export interface LinePage {
  readonly records: readonly StoredLine[];
  readonly next: string | null;
}

/** What a distributor can be asked. Every method throws `ERR_CLI_REFUSED` for a no, `ERR_CLI_UNREACHABLE` for no answer. */
export interface DistributorEvidence {
  /** A page of the records that fit; names of the query as the route has them. */
  records(query: Readonly<Record<string, string>>): Promise<LinePage>;
  /** The lines of a whole chain, its checkpoints first. */
  exportLines(writer: string): AsyncGenerator<string>;
  /** The answer of another route below `/v1/audit/`, as it is. */
  get(route: 'writers' | 'findings' | 'retention'): Promise<unknown>;
  /** Has texts erased. */
  erase(wish: Readonly<Record<string, string>>): Promise<{ readonly records: number; readonly uncovered: number }>;
}

const pageSchema = z.object({
  records: z.array(
    z.object({
      writer: z.string(),
      seq: z.int().min(1),
      proven: z.boolean(),
      record: z.record(z.string(), z.unknown()),
    }),
  ),
  next: z.string().nullable(),
});
const erasureSchema = z.object({ records: z.int().min(0), uncovered: z.int().min(0) });
const problemSchema = z.object({
  code: z.string().optional(),
  title: z.string().optional(),
  detail: z.string().optional(),
  problems: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
});

/** Asks a distributor. */
export function openDistributorEvidence(
  connection: Pick<DistributorConnection, 'baseUrl' | 'dispatcher'>,
  signal: AbortSignal,
): DistributorEvidence {
  const call = async (path: string, body?: string): Promise<Dispatcher.ResponseData> => {
    let answer: Dispatcher.ResponseData;
    try {
      answer = await request(`${connection.baseUrl}/v1/audit/${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        dispatcher: connection.dispatcher,
        signal,
        headersTimeout: ANSWER_TIMEOUT_MS,
        bodyTimeout: ANSWER_TIMEOUT_MS,
        ...(body === undefined ? {} : { body, headers: { 'content-type': 'application/json' } }),
      });
    } catch (cause) {
      throw unreachable(path, cause);
    }
    if (answer.statusCode === 200) return answer;
    throw refusal(path, answer.statusCode, await whole(path, answer));
  };
  const json = async (path: string, body?: string): Promise<unknown> => {
    const bytes = await whole(path, await call(path, body));
    const read = parseStrictJson(bytes, { maxBytes: MAX_ANSWER_BYTES });
    if (read.ok) return read.value;
    throw nonsense(path, read.reason);
  };

  return {
    async records(query) {
      const page = understood(pageSchema, await json(`records?${new URLSearchParams(query).toString()}`), 'records');
      // Members keep their order, as none of a record is named by a number: this is the text as it was sealed.
      const records = page.records.map(({ record, ...where }) => ({ ...where, line: JSON.stringify(record) }));
      return { records, next: page.next };
    },
    async *exportLines(writer) {
      const { body } = await call(`export?${new URLSearchParams({ writer }).toString()}`);
      try {
        yield* createInterface({ input: Readable.from(withLines(body)), crlfDelay: Number.POSITIVE_INFINITY });
      } catch (cause) {
        throw PortcullisError.is(cause) ? cause : unreachable('export', cause);
      }
    },
    get: (route) => json(route),
    erase: async (wish) => understood(erasureSchema, await json('erasures', JSON.stringify(wish)), 'erasures'),
  };
}

const NEWLINE = 0x0a;

/** The same bytes, as long as their lines end. @throws PortcullisError `ERR_CLI_ANSWER` for a line without one. */
async function* withLines(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let open = 0;
  for await (const chunk of bytes) {
    const first = chunk.indexOf(NEWLINE);
    if (open + (first < 0 ? chunk.byteLength : first) > MAX_LINE_BYTES) throw nonsense('export', 'a line is too long');
    open = first < 0 ? open + chunk.byteLength : chunk.byteLength - 1 - chunk.lastIndexOf(NEWLINE);
    yield chunk;
  }
}

async function whole(path: string, answer: Dispatcher.ResponseData): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
      size += chunk.byteLength;
      if (size > MAX_ANSWER_BYTES) throw nonsense(path, 'it is too large');
      chunks.push(chunk);
    }
  } catch (cause) {
    throw PortcullisError.is(cause) ? cause : unreachable(path, cause);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

/** An answer of an expected shape. @throws PortcullisError `ERR_CLI_ANSWER` when it is of another. */
export function understood<T>(schema: z.ZodType<T>, value: unknown, path: string): T {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  throw nonsense(path, read.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; '));
}

function refusal(path: string, status: number, bytes: Uint8Array): PortcullisError {
  const read = parseStrictJson(bytes);
  const { code, detail, title, problems = [] } = problemSchema.safeParse(read.ok ? read.value : {}).data ?? {};
  const where = problems.map((problem) => `; ${problem.path}: ${problem.message}`).join('');
  const what = `${path.split('?')[0]}: ${detail ?? title ?? 'no'}${where} (${code ?? 'no code'}, HTTP ${status})`;
  if (status >= 500)
    return new PortcullisError('ERR_CLI_UNREACHABLE', 'unavailable', `the distributor cannot: ${what}`);
  const hint = status === 404 && path !== 'export' ? '; does it keep evidence (store.kind)?' : '';
  return new PortcullisError('ERR_CLI_REFUSED', 'unauthenticated', `the distributor refused: ${what}${hint}`);
}

const unreachable = (path: string, cause: unknown): PortcullisError =>
  new PortcullisError(
    'ERR_CLI_UNREACHABLE',
    PortcullisError.from(cause).kind,
    `${path.split('?')[0]}: the distributor does not answer: ${PortcullisError.from(cause).message}`,
    { cause },
  );
const nonsense = (path: string, why: string): PortcullisError =>
  new PortcullisError('ERR_CLI_ANSWER', 'corrupt', `${path}: the distributor's answer is not understood: ${why}`);
