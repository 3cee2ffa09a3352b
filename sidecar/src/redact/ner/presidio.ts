/**
 * Asks a Presidio analyzer: `POST /analyze` with one text, answered with a list of `{entity_type, start, end, score}` whose places
 * count code points (https://microsoft.github.io/presidio/api-docs/api-docs.html). It is trusted to find, and to do nothing else:
 * whatever it answers that it was not asked, or that is not in the text, is no answer. Kinds that it does not look for it passes over in
 * silence, so it is asked first which these are (`GET /supportedentities`).
 */

import type { Span } from '@portcullis/policy/content';
import { type Json, type JsonObject, systemClock } from '@portcullis/runtime';
import { placesOfCodePoints } from './code-points.js';
import type { NerConfig } from './config.js';
import { createExchange } from './exchange.js';
import { type EntityFinder, NerFailure } from './port.js';

/** A finding that a part of a text cuts in two is whole in the other part. */
const OVERLAP = 256;
const BYTES_PER_UNIT = 64;
/** It may be another one behind the same address by then. */
const KINDS_MS = 60_000;
const LEAST_ANSWER_BYTES = 65_536;

/** A part of a text, and where it begins. */
interface Part {
  readonly text: string;
  readonly from: number;
}

/**
 * Makes the client; connects when it is asked.
 * @param ca PEM of the service's authorities; the system's when absent
 * @param monotonic milliseconds that never go back
 */
export function createPresidio(
  config: NerConfig,
  ca: Buffer | undefined,
  monotonic: () => number = systemClock.monotonic,
): EntityFinder {
  const exchange = createExchange(config, ca);
  const wanted = new Set(config.entities);

  async function findIn({ text, from }: Part, signal: AbortSignal): Promise<readonly Span[]> {
    const question = JSON.stringify({
      text: text.toWellFormed(),
      language: config.language,
      score_threshold: config.scoreThreshold,
      entities: config.entities,
    });
    const maxBytes = LEAST_ANSWER_BYTES + text.length * BYTES_PER_UNIT;
    const answer = await exchange.ask({ path: '/analyze', body: question, maxBytes }, signal);
    if (!Array.isArray(answer)) throw new NerFailure('failed', 'the answer of the ner service is no list');
    const placeOf = placesOfCodePoints(text);
    return (answer as readonly Json[]).map((one) => {
      const span = spanOf(one, placeOf, wanted);
      return { ...span, start: from + span.start, end: from + span.end };
    });
  }

  /** Until when it is taken to look for all that is wanted. */
  let sureUntil = Number.NEGATIVE_INFINITY;

  async function beSureOfKinds(signal: AbortSignal): Promise<void> {
    const askedAt = monotonic();
    const path = `/supportedentities?language=${config.language}`;
    const answer = await exchange.ask({ path, maxBytes: LEAST_ANSWER_BYTES }, signal);
    const kinds: readonly Json[] = Array.isArray(answer) ? answer : [];
    const missing = config.entities.filter((kind) => !kinds.includes(kind));
    if (missing.length > 0)
      throw new NerFailure(
        'failed',
        `the ner service does not look for ${missing.join(', ')} in ${config.language}: configure it to, or take them out of redaction.ner.entities`,
      );
    sureUntil = askedAt + KINDS_MS;
  }

  return {
    async find(texts) {
      const parts = [...texts].map((text) => ({ text, parts: partsOf(text, config.maxTextUnits) }));
      const count = parts.reduce((sum, { parts: own }) => sum + own.length, 0);
      if (count > config.maxTexts)
        throw new NerFailure('failed', 'there are too many texts to ask the ner service about');
      const late = AbortSignal.timeout(config.timeoutMs);
      const stop = new AbortController();
      const signal = AbortSignal.any([late, stop.signal]);
      const found = new Map<string, Span[]>(parts.map(({ text }) => [text, []]));
      const queue = parts.flatMap(({ text, parts: own }) => own.map((part) => ({ text, part })));
      const work = async (): Promise<void> => {
        for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
          const spans = await findIn(next.part, signal);
          found.get(next.text)?.push(...spans);
        }
      };
      try {
        if (queue.length > 0 && monotonic() >= sureUntil) await beSureOfKinds(signal);
        await Promise.all(Array.from({ length: Math.min(config.maxConcurrent, queue.length) }, work));
        return found;
      } catch (thrown) {
        stop.abort();
        sureUntil = Number.NEGATIVE_INFINITY;
        if (late.aborted) throw new NerFailure('late', 'the ner service did not answer in time');
        if (thrown instanceof NerFailure) throw thrown;
        throw new NerFailure('failed', 'the ner service could not be reached');
      }
    },
    close: () => exchange.close(),
  };
}

/** The text in parts of at most so many units; a pair is never cut. */
function partsOf(text: string, most: number): readonly Part[] {
  const parts: Part[] = [];
  for (let from = 0; ; ) {
    const end = whole(text, Math.min(text.length, from + most));
    parts.push({ text: text.slice(from, end), from });
    if (end === text.length) return parts;
    from = whole(text, end - OVERLAP);
  }
}

/** Not between the halves of a pair. */
function whole(text: string, at: number): number {
  return /[\ud800-\udbff]/.test(text.charAt(at - 1)) && /[\udc00-\udfff]/.test(text.charAt(at)) ? at - 1 : at;
}

function spanOf(one: Json, placeOf: (at: number) => number | undefined, wanted: ReadonlySet<string>): Span {
  const { entity_type: type, start, end } = { ...(one as JsonObject | null) };
  const from = typeof start === 'number' ? placeOf(start) : undefined;
  const to = typeof end === 'number' ? placeOf(end) : undefined;
  if (typeof type !== 'string' || !wanted.has(type) || from === undefined || to === undefined || from >= to)
    throw new NerFailure('failed', 'the ner service found what it was not asked for, or where nothing is');
  return { type, start: from, end: to };
}
