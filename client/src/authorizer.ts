/** Asks the sidecar. Every failure, whatever it is, comes out as a refusal. */

import { request } from 'node:http';
import type { Attempt, JsonValue } from './attempt.js';
import type { Allowed, Authorization, Conclusion, Refused } from './authorization.js';
import { failedClosed, type Reply, readReply } from './reply.js';

/** Where the sidecar is. */
export type AuthorizerOptions = (
  | { /** `http://127.0.0.1:<port>` */ readonly url: string }
  | { /** Path of the Unix socket. */ readonly socket: string }
) & {
  /** Milliseconds until an unanswered question is a refusal. Default: 2,000. */
  readonly timeoutMs?: number;
  /** Sent with everything, such as the user's token in the header that the sidecar is configured to read. */
  readonly headers?: Readonly<Record<string, string>>;
};

/** Asks, and tells what became of it. */
export interface Authorizer {
  /** Whether the attempt may be carried out. Never rejects. */
  authorize(attempt: Attempt): Promise<Authorization>;
  /**
   * Runs `act` if the attempt is allowed, and tells what became of it. What `act` resolves to is told as the result where it
   * has to be, so it must be JSON then.
   * @throws AttemptRefusedError when it is refused, or its result must not be used; otherwise what `act` throws.
   */
  enforce<T extends JsonValue | undefined>(attempt: Attempt, act: () => Promise<T>): Promise<T>;
  /** Tells the outcome of an attempt that another process asked about under `correlation_id`. Never rejects. */
  concludeCorrelated(
    correlation: { readonly correlation_id: string; readonly session_id?: string },
    conclusion: Conclusion,
  ): Promise<boolean>;
}

/** An attempt was refused. */
export class AttemptRefusedError extends Error {
  override readonly name = 'AttemptRefusedError';
  readonly refusal: Refused;

  /** @param refusal why */
  constructor(refusal: Refused) {
    super(`${refusal.message} (${refusal.code})`);
    this.refusal = refusal;
  }
}

const DEFAULT_TIMEOUT_MS = 2_000;
const MAX_REPLY_BYTES = 1_048_576;

/** Makes one. Nothing is connected until something is asked. */
export function createAuthorizer(options: AuthorizerOptions): Authorizer {
  const { timeoutMs = DEFAULT_TIMEOUT_MS } = options;

  async function tell(told: object): Promise<boolean> {
    try {
      const reply = await post('/v1/outcomes', told);
      return 'status' in reply && reply.status === 200;
    } catch {
      // What is told is no JSON, or the address is none.
      return false;
    }
  }

  function post(path: string, body: object): Promise<Reply | Refused> {
    return new Promise((resolve) => {
      const fail = (message: string): void => {
        clearTimeout(timer);
        asked.destroy();
        resolve(failedClosed('SIDECAR_UNAVAILABLE', `the sidecar could not be asked: ${message}`));
      };
      const bytes = Buffer.from(JSON.stringify(body));
      const headers = { ...options.headers, 'content-type': 'application/json', 'content-length': bytes.length };
      const asked =
        'socket' in options
          ? request({ socketPath: options.socket, path, method: 'POST', headers: { ...headers, host: 'localhost' } })
          : request(new URL(path, options.url), { method: 'POST', headers });
      const timer = setTimeout(() => fail(`no answer within ${timeoutMs} ms`), timeoutMs);
      asked.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
      asked.on('response', (answer) => {
        const chunks: Buffer[] = [];
        let length = 0;
        answer.on('error', () => fail('its answer broke off'));
        answer.on('data', (chunk: Buffer) => {
          length += chunk.length;
          if (length > MAX_REPLY_BYTES) fail('its answer is too long');
          else chunks.push(chunk);
        });
        answer.on('end', () => {
          clearTimeout(timer);
          resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') });
        });
      });
      asked.end(bytes);
    });
  }

  async function authorize(attempt: Attempt): Promise<Authorization> {
    try {
      const reply = await post('/v1/authorize', attempt);
      if (!('status' in reply)) return reply;
      const read = readReply(reply);
      if ('allowed' in read) return read;
      const { decisionId } = read;
      return { allowed: true, ...read, conclude: (conclusion) => tell({ decision_id: decisionId, ...conclusion }) };
    } catch (thrown) {
      return failedClosed('SIDECAR_UNAVAILABLE', `the sidecar could not be asked: ${String(thrown)}`);
    }
  }

  return {
    authorize,
    async enforce(attempt, act) {
      const authorization = await authorize(attempt);
      if (!authorization.allowed) throw new AttemptRefusedError(authorization);
      // What throws before it begins has failed as well.
      const result = await (async () => act())().catch(async (thrown: unknown) => {
        await authorization.conclude({ outcome: 'upstream_failed' });
        throw thrown;
      });
      await concluded(authorization, result);
      return result;
    },
    concludeCorrelated: (correlation, conclusion) => tell({ ...correlation, ...conclusion }),
  };
}

async function concluded(authorization: Allowed, result: JsonValue | undefined): Promise<void> {
  const isTold = await authorization.conclude({
    outcome: 'forwarded',
    ...(authorization.mustReport ? { result: result ?? null } : {}),
  });
  if (isTold || !authorization.mustReport) return;
  throw new AttemptRefusedError(failedClosed('RESULT_NOT_RECORDED', 'the result could not be recorded'));
}
