/** Whoever keeps a kill list: the distributor, or one PDP. */

import { PortcullisError, parseStrictJson } from '@portcullis/runtime';
import { type Dispatcher, request } from 'undici';
import { z } from 'zod';

/** What a keeper shows. Nothing of it is trusted before its signatures are checked. */
export interface KillReport {
  readonly seq: number;
  /** Signed lists of that seq. */
  readonly lists: readonly Uint8Array[];
  /** Signed targets metadata, which says whose keys count. */
  readonly targets: Uint8Array | undefined;
}

/** One keeper. */
export interface KillEndpoint {
  /** For people. */
  readonly name: string;
  readonly kind: 'distributor' | 'pdp';
  /** @throws PortcullisError kind `unavailable` when it does not answer, `ERR_CLI_REFUSED` when it says no. */
  read(): Promise<KillReport>;
  /**
   * Hands over a list.
   * @returns `conflict` when another list came first: signing again on top of that one helps
   * @throws PortcullisError as `read`
   */
  put(list: Uint8Array): Promise<'taken' | 'conflict'>;
}

/** How to reach one. */
export interface HttpKillEndpointOptions {
  readonly name: string;
  readonly kind: KillEndpoint['kind'];
  /** Of the resource itself. */
  readonly url: string;
  readonly dispatcher: Dispatcher;
  /** For the answer to a question, in milliseconds. Whoever is given a list has {@link PUT_TIMEOUT_MS}: nobody waits for them. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** A busy PDP has a list in force long before it has answered. */
const PUT_TIMEOUT_MS = 5_000;
/** Lists and targets metadata in base64. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

const base64 = z.base64().transform((text) => new Uint8Array(Buffer.from(text, 'base64')));
const reportSchema = z.object({ seq: z.int().min(0), lists: z.array(base64).max(64), targets: base64.nullable() });
const distributorSchema = z.object({ seq: z.int().min(0) });
const problemSchema = z.object({ code: z.string().optional(), detail: z.string().optional() });

/** Speaks to one over HTTPS. */
export function openKillEndpoint(options: HttpKillEndpointOptions): KillEndpoint {
  const { name, kind, url, dispatcher, timeoutMs } = options;
  const call = async (method: 'GET' | 'PUT', body?: Uint8Array): Promise<{ status: number; json: unknown }> => {
    try {
      const answer = await request(url, {
        method,
        dispatcher,
        signal: AbortSignal.any([options.signal, AbortSignal.timeout(method === 'PUT' ? PUT_TIMEOUT_MS : timeoutMs)]),
        ...(body === undefined ? {} : { body, headers: { 'content-type': 'application/octet-stream' } }),
      });
      const chunks: Uint8Array[] = [];
      let size = 0;
      for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
        size += chunk.byteLength;
        if (size > MAX_ANSWER_BYTES) throw new PortcullisError('ERR_CLI_ANSWER', 'corrupt', `${name}: too large`);
        chunks.push(chunk);
      }
      const json = parseStrictJson(Buffer.concat(chunks), { maxBytes: MAX_ANSWER_BYTES });
      return { status: answer.statusCode, json: json.ok ? json.value : undefined };
    } catch (error) {
      if (PortcullisError.is(error)) throw error;
      throw new PortcullisError('ERR_CLI_UNREACHABLE', 'unavailable', `${name} does not answer`, { cause: error });
    }
  };
  const refused = ({ status, json }: { status: number; json: unknown }): PortcullisError => {
    const { code = 'ERR_CLI_REFUSED', detail = `HTTP ${status}` } = problemSchema.safeParse(json).data ?? {};
    const isUnable = status >= 500;
    return new PortcullisError(
      isUnable ? 'ERR_CLI_UNREACHABLE' : 'ERR_CLI_REFUSED',
      isUnable ? 'unavailable' : 'unauthenticated',
      `${name}: ${detail} (${code})`,
    );
  };
  return {
    name,
    kind,
    async read() {
      const answer = await call('GET');
      if (answer.status !== 200) throw refused(answer);
      const report = reportSchema.safeParse(answer.json);
      if (!report.success) throw new PortcullisError('ERR_CLI_ANSWER', 'corrupt', `${name}: not a kill report`);
      return { ...report.data, targets: report.data.targets ?? undefined };
    },
    async put(list) {
      const answer = await call('PUT', list);
      if (answer.status === 409) return 'conflict';
      if (answer.status !== 200) throw refused(answer);
      // A PDP that was given two different lists of one seq unites them, and says so.
      const report = reportSchema.safeParse(answer.json);
      if (report.success) return report.data.lists.length > 1 ? 'conflict' : 'taken';
      if (distributorSchema.safeParse(answer.json).success) return 'taken';
      throw new PortcullisError('ERR_CLI_ANSWER', 'corrupt', `${name}: not the answer of a keeper of kill lists`);
    },
  };
}
