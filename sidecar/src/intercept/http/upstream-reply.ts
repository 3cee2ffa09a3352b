/** An upstream's answer: its head, and what follows as a stream, or read whole without one. */

import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { Collected, CollectLimits } from './body.js';

/** An upstream's answer; the body flows. */
export interface UpstreamReply {
  readonly status: number;
  /** By lower-case name; several fields of one name are one list, as HTTP has it. */
  readonly headers: ReadonlyMap<string, string>;
  /** To destroy it before its end ends the connection. */
  readonly body: Readable;
  /**
   * Reads the body to the end, in place of `body`; stops reading once a limit is passed, without ending the connection. Who comes
   * second has a broken one. Never rejects.
   */
  collect(limits: CollectLimits): Promise<Collected>;
}

/** Of a body that nobody reads so far, before no more is taken from the connection; what a stream holds. */
const HELD_BYTES = 65_536;

const GIVEN_UP = 'the exchange was given up';

/** What has come of an answer and what comes; told by the connection, in order. */
export class ArrivingReply implements UpstreamReply {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly #controller: Dispatcher.DispatchController;
  /** What has come, until somebody takes it. */
  #held: Buffer[] = [];
  #size = 0;
  #end: 'all' | Error | undefined;
  #stream: ReplyBody | undefined;
  #whole: Whole | undefined;
  #isGiven = false;

  constructor(status: number, headers: ReadonlyMap<string, string>, controller: Dispatcher.DispatchController) {
    this.status = status;
    this.headers = headers;
    this.#controller = controller;
  }

  /** A stream is a large part of what an answer costs that is read whole, so it is made for who wants one. */
  get body(): Readable {
    if (this.#stream !== undefined) return this.#stream;
    const stream = new ReplyBody(this.#controller);
    this.#stream = stream;
    for (const chunk of this.#held) stream.push(chunk);
    this.#held = [];
    if (this.#end === 'all') stream.push(null);
    else if (this.#end !== undefined) stream.destroy(this.#end);
    return stream;
  }

  collect({ maxBytes, timeoutMs }: CollectLimits): Promise<Collected> {
    // A second reader would wait for ever for what the first one has.
    if (this.#whole !== undefined || this.#stream !== undefined) return Promise.resolve({ kind: 'broken' });
    return new Promise((resolve) => {
      const whole: Whole = { maxBytes, resolve, timer: undefined };
      this.#whole = whole;
      if (this.#size > maxBytes) this.#give({ kind: 'too_large' });
      else if (this.#end === 'all') this.#give(this.#all());
      else if (this.#end !== undefined) this.#give({ kind: 'broken' });
      else {
        // Most answers are there with their head, and need none.
        whole.timer = setTimeout(() => this.#give({ kind: 'late' }), timeoutMs);
        this.#controller.resume();
      }
    });
  }

  /** A piece of the body has come. */
  arrived(chunk: Buffer): void {
    if (this.#stream !== undefined) {
      if (!this.#stream.push(chunk)) this.#controller.pause();
      return;
    }
    // Whoever has read it has given it up, and ends the connection.
    if (this.#isGiven) {
      this.#controller.pause();
      return;
    }
    this.#held.push(chunk);
    this.#size += chunk.length;
    if (this.#whole === undefined) {
      if (this.#size >= HELD_BYTES) this.#controller.pause();
    } else if (this.#size > this.#whole.maxBytes) this.#give({ kind: 'too_large' });
  }

  /** Nothing more comes. */
  ended(): void {
    this.#end = 'all';
    this.#stream?.push(null);
    if (this.#whole !== undefined) this.#give(this.#all());
  }

  /** The rest does not come. */
  failed(error: Error): void {
    this.#end = error;
    this.#stream?.destroy(error);
    this.#give({ kind: 'broken' });
  }

  #all(): Collected {
    const [first] = this.#held;
    const isOne = first !== undefined && this.#held.length === 1;
    return { kind: 'all', bytes: isOne ? first : Buffer.concat(this.#held) };
  }

  /** To who reads it whole, once. */
  #give(collected: Collected): void {
    if (this.#whole === undefined || this.#isGiven) return;
    this.#isGiven = true;
    clearTimeout(this.#whole.timer);
    this.#held = [];
    if (this.#end === undefined) this.#controller.pause();
    this.#whole.resolve(collected);
  }
}

/** Who reads the body whole. */
interface Whole {
  readonly maxBytes: number;
  readonly resolve: (collected: Collected) => void;
  timer: NodeJS.Timeout | undefined;
}

class ReplyBody extends Readable {
  readonly #controller: Dispatcher.DispatchController;

  constructor(controller: Dispatcher.DispatchController) {
    super();
    this.#controller = controller;
  }

  override _read(): void {
    this.#controller.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (!this.readableEnded) this.#controller.abort(error ?? new Error(GIVEN_UP));
    if (error === null) callback();
    // As Node's own answers do it: who does not listen is not told, instead of ending the process.
    else process.nextTick(() => callback(this.listenerCount('error') === 0 ? null : error));
  }
}
