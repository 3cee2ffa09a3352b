import { setTimeout as delay } from 'node:timers/promises';
import { PortcullisError } from '../errors/portcullis-error.js';
import { ended } from './faults.js';
import { createMailbox } from './mailbox.js';
import type { ChannelReader } from './port.js';

/** Before a source whose watch ended is watched again, beside others that still are. */
const FOLLOW_AGAIN_MS = { min: 500, max: 5_000 } as const;

async function firstAnswer<T>(
  readers: readonly ChannelReader[],
  signal: AbortSignal,
  ask: (reader: ChannelReader) => Promise<T>,
): Promise<T> {
  const faults: PortcullisError[] = [];
  for (const reader of readers) {
    if (signal.aborted) throw ended(signal);
    try {
      return await ask(reader);
    } catch (error: unknown) {
      const fault = PortcullisError.from(error, 'ERR_CHANNEL_UNAVAILABLE');
      // The caller's mistake is one at every source.
      if (fault.kind === 'invalid') throw fault;
      faults.push(fault);
    }
  }
  if (signal.aborted) throw ended(signal);
  // Damage is the news that matters: somebody should look at it, and waiting will not help.
  const kind = (faults.find((fault) => fault.kind === 'corrupt') ?? faults.at(-1))?.kind ?? 'unavailable';
  throw new PortcullisError('ERR_CHANNEL_UNAVAILABLE', kind, 'no source could answer', {
    cause: new AggregateError(faults),
    details: { sources: readers.map((reader) => reader.transport) },
  });
}

/**
 * Several sources as one. Calls try them in order until one answers; an object is absent only when no source has it
 * and at least one could say so: one source that is damaged or down must not keep the others from being believed. Hints come from all of them,
 * and from one that was lost again once it is back.
 */
export function fallbackReader(readers: readonly ChannelReader[]): ChannelReader {
  const [only] = readers;
  if (readers.length === 1 && only !== undefined) return only;
  return {
    transport: readers.map((reader) => reader.transport).join('+'),
    async get(key, options) {
      let answered = false;
      try {
        return await firstAnswer(readers, options.signal, async (reader) => {
          const bytes = await reader.get(key, options);
          answered = true;
          // Absence at one source says little: it may have been wiped. The next one is asked.
          if (bytes === undefined) throw new PortcullisError('ERR_CHANNEL_ABSENT', 'unavailable', 'no such object');
          return bytes;
        });
      } catch (error: unknown) {
        if (answered && !options.signal.aborted) return undefined;
        throw error;
      }
    },
    watch(signal) {
      const stop = new AbortController();
      const both = AbortSignal.any([signal, stop.signal]);
      const box = createMailbox<void>(1, signal);
      box.onEnd(() => stop.abort());
      let open = readers.length;
      const follow = async (reader: ChannelReader): Promise<void> => {
        let pauseMs: number = FOLLOW_AGAIN_MS.min;
        for (;;) {
          try {
            for await (const _hint of reader.watch(both)) {
              pauseMs = FOLLOW_AGAIN_MS.min;
              box.push();
            }
          } catch {
            // Ended like one that ended quietly.
          }
          open -= 1;
          // One source that is still watched keeps the watch alive; meanwhile the others are followed again.
          if (open === 0) box.end();
          await delay(pauseMs, undefined, { signal: both }).catch(() => undefined);
          if (both.aborted) return;
          open += 1;
          pauseMs = Math.min(2 * pauseMs, FOLLOW_AGAIN_MS.max);
        }
      };
      for (const reader of readers) void follow(reader);
      if (open === 0) box.end();
      return box.items();
    },
    send: (subject, message, signal) => firstAnswer(readers, signal, (reader) => reader.send(subject, message, signal)),
    async close() {
      await Promise.allSettled(readers.map((reader) => reader.close()));
    },
  };
}
