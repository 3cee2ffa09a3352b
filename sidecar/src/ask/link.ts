/**
 * One Decide stream to one PDP: many questions in flight, matched by id. A link goes
 * `opening -> up -> draining? -> broken`; it is up once the PDP answered the first Ping, and never comes back.
 */

import { type Client, type ClientDuplexStream, Metadata } from '@grpc/grpc-js';
import type { Question } from './question.js';
import type { Reply, Wire } from './wire.js';

/** Where a link is in its life. */
export type LinkState = 'opening' | 'up' | 'draining' | 'broken';

/** Why a link broke. `garbled`: the PDP sent what is no answer at all; `closed`: we did it. */
export type LinkEnd = 'lost' | 'garbled' | 'closed';

/** A reply that belongs to a question. */
export type LinkReply = Exclude<Reply, { readonly kind: 'pong' | 'garbled' }>;

/** What a link reports. None of these may throw. */
export interface LinkEvents {
  /** The first Ping was answered. */
  up(link: Link): void;
  /** Something sensible arrived, whatever it was. */
  heard(link: Link): void;
  /** A Ping was answered after `ms`. */
  pong(link: Link, id: number, ms: number): void;
  /** The first answer to a question that is in flight here, `ms` after it was sent. */
  answered(link: Link, question: Question, reply: LinkReply, ms: number): void;
  /** A decision for which nobody waits any more. */
  late(link: Link): void;
  /** The stream is gone; `stranded` were in flight. Exactly once. */
  broken(link: Link, end: LinkEnd, detail: string, stranded: readonly Question[]): void;
}

/** One stream. */
export interface Link {
  readonly state: LinkState;
  /** When the certificate of the PDP expires, epoch milliseconds; infinite without one. Known once `up`. */
  readonly validUntil: number;
  /** Questions sent here and neither answered nor forgotten. */
  readonly inFlight: number;
  /** When the question that has waited longest was sent, monotonic milliseconds; infinite when none waits. */
  readonly oldestAt: number;
  /** Sends the question at the end of this turn, in one message with whatever else is asked in it. Only when `up`. */
  send(question: Question): void;
  /** Stops counting a question; an answer to it is ignored from now on. */
  forget(question: Question): void;
  /** Sends a Ping and returns its id, or `undefined` when a recent one is unanswered. */
  ping(): number | undefined;
  /** Takes no more questions and closes when those in flight are answered. */
  drain(): void;
  /** Ends the stream now. */
  destroy(end: LinkEnd, detail: string): void;
}

/** What a link needs. */
export interface LinkOptions {
  readonly client: Client;
  readonly wire: Wire;
  readonly events: LinkEvents;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Ids for questions and pings, never 0, unique among those in flight. */
  readonly nextId: () => number;
  /** No message is larger; no single question may be. */
  readonly maxMessageBytes: number;
}

interface Sent {
  readonly question: Question;
  readonly at: number;
}

/** A Ping that is older is taken for lost, and another may be sent. */
const PING_PATIENCE_MS = 500;
/** A PDP takes no more questions in one message. */
const MAX_BATCH = 256;

const identity = (bytes: Buffer): Buffer => bytes;

/** Opens a stream; it waits for the connection. The caller gives up on one that does not come up. */
export function openLink(options: LinkOptions): Link {
  const { wire, events, now, nextId, maxMessageBytes } = options;
  const sent = new Map<number, Sent>();
  let outbox: Question[] = [];
  /** How many of the outbox went out already. */
  let taken = 0;
  let state: LinkState = 'opening';
  /** Messages that HTTP/2 has not taken yet. grpc-js itself would queue many, and what waits there cannot be taken back. */
  let unsent = 0;
  let pinged: { readonly id: number; readonly at: number } | undefined;

  // The bytes are ours on both sides: a frame is encoded once however often it is sent, and an answer that cannot be
  // decoded is our finding and not an exception inside the stream.
  const stream: ClientDuplexStream<Buffer, Buffer> = options.client.makeBidiStreamRequest(
    wire.decidePath,
    identity,
    identity,
    new Metadata({ waitForReady: true }),
  );

  const write = (bytes: Buffer): void => {
    unsent += 1;
    stream.write(bytes, () => {
      unsent -= 1;
      pump();
    });
  };
  /** The next message: as many of the waiting questions as it may hold. Empty when none waits. */
  const nextMessage = (): Buffer => {
    const frames: Buffer[] = [];
    let bytes = 0;
    while (frames.length < MAX_BATCH) {
      const question = outbox[taken];
      if (question === undefined) break;
      if (frames.length > 0 && bytes + question.frame.length > maxMessageBytes) break;
      taken += 1;
      // What was answered elsewhere or has expired while it waited here is not worth a PDP's time.
      if (!sent.has(question.id)) continue;
      frames.push(question.frame);
      bytes += question.frame.length;
    }
    const [first] = frames;
    return frames.length === 1 && first !== undefined ? first : Buffer.concat(frames, bytes);
  };
  const pump = (): void => {
    while (unsent === 0 && taken < outbox.length) {
      const message = nextMessage();
      if (message.length > 0) write(message);
    }
    if (taken === outbox.length) {
      outbox = [];
      taken = 0;
    }
  };
  const breakNow = (end: LinkEnd, detail: string): void => {
    if (state === 'broken') {
      return;
    }
    state = 'broken';
    const stranded = [...sent.values()].map(({ question }) => question);
    sent.clear();
    outbox = [];
    taken = 0;
    stream.cancel();
    events.broken(link, end, detail, stranded);
  };
  const settleDrain = (): void => {
    if (state === 'draining' && sent.size === 0) {
      stream.end();
    }
  };
  const receive = (reply: Reply): void => {
    if (state === 'broken') {
      return;
    }
    if (reply.kind === 'garbled') {
      breakNow('garbled', reply.message);
      return;
    }
    events.heard(link);
    if (reply.kind === 'pong') {
      if (pinged?.id !== reply.id) {
        return;
      }
      const { id, at } = pinged;
      pinged = undefined;
      if (state === 'opening') {
        state = 'up';
        events.up(link);
        // Not good enough: what answers there is not for us.
        if (link.state !== 'up') return;
      }
      events.pong(link, id, now() - at);
      return;
    }
    // Unknown: late, a duplicate, or made up. The question it may have been about is settled, or will time out.
    const entry = sent.get(reply.id);
    if (entry === undefined) {
      if (reply.kind === 'decision') events.late(link);
      return;
    }
    sent.delete(reply.id);
    events.answered(link, entry.question, reply, now() - entry.at);
    settleDrain();
  };

  stream.on('data', (bytes: Buffer) => {
    if (state !== 'broken') wire.decodeReplies(bytes).forEach(receive);
  });
  stream.on('error', (error) => {
    breakNow('lost', error.message);
  });
  stream.on('end', () => {
    breakNow(state === 'draining' && sent.size === 0 ? 'closed' : 'lost', 'the PDP ended the stream');
  });

  const link: Link = {
    get state() {
      return state;
    },
    get validUntil() {
      const certificate = stream.getAuthContext()?.sslPeerCertificate;
      if (certificate === undefined) return Number.POSITIVE_INFINITY;
      const until = Date.parse(certificate.valid_to);
      return Number.isNaN(until) ? 0 : until;
    },
    get inFlight() {
      return sent.size;
    },
    get oldestAt() {
      // A map keeps the order of insertion.
      for (const { at } of sent.values()) return at;
      return Number.POSITIVE_INFINITY;
    },
    send(question) {
      sent.set(question.id, { question, at: now() });
      if (outbox.length === 0) process.nextTick(pump);
      outbox.push(question);
    },
    forget(question) {
      if (sent.delete(question.id)) {
        settleDrain();
      }
    },
    ping() {
      const unanswered = pinged !== undefined && now() - pinged.at < PING_PATIENCE_MS;
      if (unanswered || state === 'broken') {
        return undefined;
      }
      pinged = { id: nextId(), at: now() };
      write(wire.encodePing(pinged.id));
      return pinged.id;
    },
    drain() {
      if (state === 'up') {
        state = 'draining';
        settleDrain();
      } else if (state === 'opening') {
        breakNow('closed', 'replaced');
      }
    },
    destroy(end, detail) {
      breakNow(end, detail);
    },
  };
  link.ping();
  return link;
}
