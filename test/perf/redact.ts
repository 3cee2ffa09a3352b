/** How fast texts are searched and redacted, on one core. */

import { performance } from 'node:perf_hooks';
import {
  createTextStream,
  DEFAULT_DETECTORS,
  masking,
  redactionRules,
  redactJson,
  textEdits,
  typesOfDetectors,
} from '@portcullis/policy/content';
import type { Row } from './row.js';

const BENCH = 'redact';
const SUBJECT = 'all detectors';
const BYTES = 1_048_576;
const SLICES = 15;
const WORDS =
  'The committee met again in the old town hall and spoke for hours about the new bridge over the river, about who should pay for it, ' +
  'and whether the road to the harbour could stay open while it was built. Nobody wanted to decide, so it was put off until spring. ';

/** About a megabyte each. */
const TEXTS: Readonly<Record<string, () => string>> = {
  prose: () => WORDS.repeat(BYTES / WORDS.length),
  'prose with a year and a price in each paragraph': () => {
    const text = `${WORDS}In 2024 it cost 1,250 more. `;
    return text.repeat(BYTES / text.length);
  },
  'log lines with times and numbers': () => {
    const line =
      '2026-11-22T10:15:30.123Z INFO worker-17 request finished path=/v1/orders/58213 status=200 bytes=10482 took=12.7ms\n';
    return line.repeat(BYTES / line.length);
  },
  'prose with a finding in each kilobyte': () => {
    const text = `${WORDS.repeat(3)}Write to jo@example.com or pay with 4111 1111 1111 1111 there. `;
    return text.repeat(BYTES / text.length);
  },
};

/** Times each; `budgetMs` per figure. */
export async function benchRedact({ budgetMs = 1_000 }: { readonly budgetMs?: number } = {}): Promise<readonly Row[]> {
  const replace = masking({ secretTypes: new Set(typesOfDetectors(['secret'])) });
  const rules = redactionRules(typesOfDetectors(DEFAULT_DETECTORS), replace);
  const rows: Row[] = [];
  const measure = (name: string, bytes: number, work: () => unknown): void => {
    const best = fastest(work, budgetMs);
    rows.push({
      bench: BENCH,
      case: name,
      subject: SUBJECT,
      metric: 'throughput',
      value: rounded(bytes / best / 1_000),
      unit: 'MB/s',
    });
  };
  for (const [name, make] of Object.entries(TEXTS)) {
    const text = make();
    measure(name, text.length, () => textEdits(text, rules));
    const json = JSON.stringify({ rows: text.match(/[\s\S]{1,500}/g)?.map((note, id) => ({ id, note })) });
    measure(`${name}, as JSON`, json.length, () => redactJson(json, { rules }));
  }
  const pieces = (TEXTS['prose']?.() ?? '').match(/[^ ]+ /g)?.slice(0, 20_000) ?? [];
  const best = fastest(() => {
    const stream = createTextStream(rules);
    for (const piece of pieces) stream.push(piece);
    return stream.end();
  }, budgetMs);
  rows.push({
    bench: BENCH,
    case: 'a stream word by word',
    subject: SUBJECT,
    metric: 'time per piece',
    value: rounded((best * 1_000) / pieces.length),
    unit: 'us',
  });
  return rows;
}

/** Milliseconds of one core that the fastest of a few runs took: other load on the machine does not count. */
function fastest(work: () => unknown, budgetMs: number): number {
  let best = Number.POSITIVE_INFINITY;
  const until = performance.now() + budgetMs;
  for (let run = 0; run < SLICES || performance.now() < until; run += 1) {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1_000);
    if (run > 2 && performance.now() > until + budgetMs) break;
  }
  return best;
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
