/**
 * Asks PDPs without pause while something happens to them, and judges what was heard: every decision names one release,
 * each release has one digest, and no PDP ever goes back.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { PdpVoice, Said } from './ask-pdp.js';

/** One answer. Times are of `performance.now()`. */
export interface Heard extends Said {
  /** Index of the PDP. */
  readonly pdp: number;
  readonly askedAt: number;
  readonly heardAt: number;
  /** The highest seq that this PDP had answered with before the question was asked. */
  readonly floor: number;
}

/** Asking that goes on. */
export interface Listening {
  /** Every answer so far, in the order in which they came. */
  readonly heard: readonly Heard[];
  /** Resolves when the last answer has come. */
  stop(): Promise<readonly Heard[]>;
}

/** Starts asking every PDP about `tool`: several questions at a time, each lane as soon as it has its answer and `everyMs` passed. */
export function listen(
  voices: readonly PdpVoice[],
  tool: string,
  options: { readonly lanes?: number; readonly everyMs?: number } = {},
): Listening {
  const { lanes = 2, everyMs = 4 } = options;
  const heard: Heard[] = [];
  const highest = voices.map(() => 0);
  let isOpen = true;
  const lane = async (pdp: number, voice: PdpVoice): Promise<void> => {
    while (isOpen) {
      const [askedAt, floor] = [performance.now(), highest[pdp] ?? 0];
      const said = await voice.ask(tool);
      heard.push({ ...said, pdp, askedAt, heardAt: performance.now(), floor });
      highest[pdp] = Math.max(highest[pdp] ?? 0, said.seq);
      await delay(everyMs);
    }
  };
  const running = Promise.all(voices.flatMap((voice, pdp) => Array.from({ length: lanes }, () => lane(pdp, voice))));
  return {
    heard,
    async stop() {
      isOpen = false;
      await running;
      return heard;
    },
  };
}

/** What no answer may show. */
export interface Verdict {
  /** Answers under an older release than this PDP had answered with before. */
  readonly wentBack: readonly Heard[];
  /** Releases that answers gave more than one digest. */
  readonly ambiguous: readonly number[];
  /** No answer at all, or one without a release in force. */
  readonly unanswered: readonly Heard[];
}

/** Judges what was heard; everything is empty when all is well. */
export function judgeHeard(heard: readonly Heard[]): Verdict {
  const digests = new Map<number, Set<string>>();
  for (const { seq, digest } of heard) {
    if (seq > 0) digests.set(seq, (digests.get(seq) ?? new Set()).add(digest));
  }
  return {
    wentBack: heard.filter(({ seq, floor }) => seq > 0 && seq < floor),
    ambiguous: [...digests].filter(([, found]) => found.size !== 1).map(([seq]) => seq),
    unanswered: heard.filter(({ seq }) => seq === 0),
  };
}
