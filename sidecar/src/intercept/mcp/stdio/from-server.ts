/** What the server says: read, matched with the request that it answers, and redacted before anything else sees it. */

import { LOG_FIELD, type Logger } from '@portcullis/runtime';
import type { Refuser } from '../../../enforce/refuse.js';
import { redactMessage } from '../../../redact/message.js';
import { type RpcMessage, readMessage } from '../message.js';
import type { Deliver } from './deliver.js';
import type { OpenRequest, OpenRequests } from './open-requests.js';
import type { OwnLists } from './own-lists.js';

/** Takes one message of the server. Only what has to be decided waits, and nothing waits for it. */
export type FromServer = (said: Buffer) => Promise<void>;

/** What it needs. */
export interface FromServerOptions {
  readonly requests: Pick<OpenRequests, 'get' | 'all' | 'late' | 'fail' | 'unasked'>;
  readonly ownLists: Pick<OwnLists, 'isWaiting' | 'take'>;
  readonly deliver: Deliver;
  readonly refuser: Pick<Refuser, 'fault'>;
  readonly log: Logger;
  readonly maxMessageBytes: number;
}

const UNREDACTED = 'its answer could not be redacted';

/** Makes it. */
export function createFromServer(options: FromServerOptions): FromServer {
  const { requests, ownLists, deliver, refuser, log, maxMessageBytes } = options;

  /** The open list that a message answers, or that a request of our own was answered. Reads nothing where neither is open. */
  function listAnsweredBy(
    said: Buffer,
  ): 'own' | { readonly request: OpenRequest; readonly shown: NonNullable<OpenRequest['shown']> } | undefined {
    if (!ownLists.isWaiting && !requests.all().some(({ shown }) => shown !== undefined)) return undefined;
    const read = readMessage(said, { maxBytes: maxMessageBytes });
    if (!read.ok || read.message.kind !== 'response' || read.message.id === undefined) return undefined;
    if (ownLists.take(read.message)) return 'own';
    const request = requests.get(read.message.id);
    return request?.shown === undefined ? undefined : { request, shown: request.shown };
  }

  /** The open request that a message answers. */
  function answeredBy(message: RpcMessage): OpenRequest | undefined {
    if (message.kind !== 'response' || message.id === undefined) return undefined;
    const request = requests.get(message.id);
    if (request === undefined) requests.unasked(message.id);
    return request;
  }

  /** A server does not say which request a message belongs to: what any open one has to be redacted of, all are. */
  async function redacted(said: Buffer): Promise<Buffer> {
    let bytes = said;
    for (const { permit } of requests.all()) bytes = await redactMessage(permit, bytes);
    return bytes;
  }

  /** What of it may be shown. @param known the request that it answers, where that has been found out */
  async function allOf(said: Buffer, known?: OpenRequest): Promise<void> {
    const came = readMessage(said, { maxBytes: maxMessageBytes });
    if (!came.ok) return log.warn({ [LOG_FIELD.reason]: came.message }, 'Server output was not a message');
    // Found out before the wait: after it somebody else may have the id, whose permit nothing was redacted under.
    const answered = known ?? answeredBy(came.message);
    if (answered?.isCut === true) return requests.late(answered);
    let bytes: Buffer;
    try {
      bytes = await redacted(said);
    } catch (thrown) {
      if (answered !== undefined) return requests.fail(answered.id, UNREDACTED, thrown, answered);
      return log.warn({ [LOG_FIELD.error]: thrown }, 'Server output could not be redacted');
    }
    const read = bytes === said ? came : readMessage(bytes, { maxBytes: maxMessageBytes });
    if (!read.ok) {
      if (answered !== undefined) return requests.fail(answered.id, UNREDACTED, undefined, answered);
      return log.warn({ [LOG_FIELD.reason]: read.message }, 'Server output was not a message');
    }
    return deliver(read.message, bytes, answered);
  }

  return async (said) => {
    const listed = listAnsweredBy(said);
    if (listed === undefined) return allOf(said);
    if (listed === 'own') return undefined;
    const { request, shown } = listed;
    void shown(said)
      .then((bytes) => allOf(bytes, request))
      .catch((thrown: unknown) => requests.fail(request.id, 'its list of tools could not be checked', thrown, request))
      .catch((thrown: unknown) => refuser.fault(thrown));
    return undefined;
  };
}
