import type { BundleUpdate, RuleAddresses } from './image.js';
import { buildRuleIndex } from './index/build.js';
import type { CompiledBundle, RuleIr } from './ir.js';
import { fieldsOf, type RuleFacts } from './rule-facts.js';

/** A rule in a segment of an image. */
export interface PlacedRule {
  readonly segment: number;
  /** In bytes; the first one and the one past the last. */
  readonly start: number;
  readonly end: number;
  readonly facts: RuleFacts;
}

/** Writes rules into one segment. */
export interface SegmentWriter {
  readonly segment: number;
  add(rule: RuleIr, facts: RuleFacts): PlacedRule;
  /** Everything that was added. */
  bytes(): Uint8Array<ArrayBuffer>;
}

/** An empty segment. */
export function createSegmentWriter(segment: number): SegmentWriter {
  const encoder = new TextEncoder();
  const parts: Uint8Array[] = [];
  let length = 0;
  return {
    segment,
    add(rule, facts) {
      const part = encoder.encode(JSON.stringify(rule));
      parts.push(part);
      length += part.byteLength;
      return { segment, start: length - part.byteLength, end: length, facts };
    },
    bytes() {
      const all = new Uint8Array(length);
      let at = 0;
      for (const part of parts) {
        all.set(part, at);
        at += part.byteLength;
      }
      return all;
    },
  };
}

/** The update of a bundle whose sets' rules are given in the order of its sets, each in precedence order. */
export function* updateOf(
  bundle: CompiledBundle,
  rulesOf: readonly (readonly PlacedRule[])[],
  writer: SegmentWriter,
): Generator<void, BundleUpdate> {
  const sets = bundle.sets.map((set) => ({ ...set, rules: [] }));
  const counts = rulesOf.map(({ length }) => length);
  const rules = rulesOf.flat();
  const fields = new Set(bundle.modules.flatMap(({ scope }) => fieldsOf({ node: 'and', of: scope })));
  const addresses: RuleAddresses = {
    segments: new Int32Array(rules.length),
    starts: new Int32Array(rules.length),
    ends: new Int32Array(rules.length),
  };
  let last: readonly string[] | undefined;
  for (const [number, { segment, start, end, facts }] of rules.entries()) {
    addresses.segments[number] = segment;
    addresses.starts[number] = start;
    addresses.ends[number] = end;
    if (facts.fields !== last) for (const path of facts.fields) fields.add(path);
    last = facts.fields;
  }
  const index = yield* buildRuleIndex(rules.map(({ facts }) => facts.constraints));
  const added = new Map([[writer.segment, writer.bytes()]]);
  return { bundle: { ...bundle, sets }, counts, addresses, index, fields: [...fields].sort(), added };
}
