/**
 * A compiled bundle as flat data. Handing a large one to another thread as objects would stop that thread while they are
 * rebuilt; of this, buffers change hands, and a rule is read at its first use. An update brings only the rules that the
 * receiver does not have yet.
 */

import type { RuleIndexData } from './index/build.js';
import type { CompiledBundle, RuleIr } from './ir.js';
import { createRuleTable, type RuleTable } from './rule-table.js';

/** Where the text of each rule is, in evaluation order. */
export interface RuleAddresses {
  /** The segment's number. */
  readonly segments: Int32Array;
  /** In bytes; the first one and the one past the last. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

/** A compiled bundle, as objects or as an image. */
export type LinkableBundle = CompiledBundle | BundleImage;

/** The bundle without regard to its rules: its name, version, fields and modules. */
export function outlineOf(bundle: LinkableBundle): CompiledBundle {
  return 'segments' in bundle ? bundle.bundle : bundle;
}

/** What an image and an update have in common. */
interface BundleOutline {
  /** The bundle; its sets have no rules. */
  readonly bundle: CompiledBundle;
  /** The number of rules of each set. */
  readonly counts: readonly number[];
  readonly addresses: RuleAddresses;
  readonly index: RuleIndexData;
  /** The fields that some rule or module reads, sorted. */
  readonly fields: readonly string[];
}

/** A compiled bundle. */
export interface BundleImage extends BundleOutline {
  /** Rules as JSON, by the segment's number. */
  readonly segments: ReadonlyMap<number, Uint8Array>;
}

/** An image without the segments that the receiver of earlier updates has. */
export interface BundleUpdate extends BundleOutline {
  /** Segments that no earlier update had. */
  readonly added: ReadonlyMap<number, Uint8Array>;
}

/** Keeps the segments of a compiler's updates. */
export interface ImageReceiver {
  /** Updates must be given in the order in which they were made. @throws TypeError when one was left out */
  receive(update: BundleUpdate): BundleImage;
}

/** Has no segments: the first update must bring them all. */
export function createImageReceiver(): ImageReceiver {
  let held: ReadonlyMap<number, Uint8Array> = new Map();
  return {
    receive({ added, ...outline }) {
      const segments = new Map<number, Uint8Array>();
      for (const segment of segmentsOf(outline.addresses)) {
        const bytes = added.get(segment) ?? held.get(segment);
        if (bytes === undefined) throw new TypeError('an update of the bundle was left out');
        segments.set(segment, bytes);
      }
      held = segments;
      return { ...outline, segments };
    },
  };
}

/** The segments that some rule is in. */
export function segmentsOf({ segments }: RuleAddresses): ReadonlySet<number> {
  const distinct = new Set<number>();
  let last: number | undefined;
  for (const segment of segments) {
    // Mostly the same one a hundred thousand times.
    if (segment !== last) distinct.add(segment);
    last = segment;
  }
  return distinct;
}

/** The rules of an image; each is parsed when it is asked for. */
export function tableOfImage({ bundle, counts, addresses, segments }: BundleImage): RuleTable {
  const decoder = new TextDecoder();
  return createRuleTable(bundle.sets, counts, (number) => {
    const bytes = segments.get(addresses.segments[number] ?? -1) ?? new Uint8Array();
    const text = decoder.decode(bytes.subarray(addresses.starts[number], addresses.ends[number]));
    return JSON.parse(text) as RuleIr;
  });
}

/** The bundle that an image is of, with all of its rules. */
export function bundleOfImage(image: BundleImage): CompiledBundle {
  const table = tableOfImage(image);
  const sets = table.sets.map(({ ir, first, end }) => ({
    ...ir,
    rules: Array.from({ length: end - first }, (_, place) => table.ruleAt(first + place)),
  }));
  return { ...image.bundle, sets };
}

/** The buffers of an update, to be transferred instead of copied. */
export function buffersOf({ addresses, index, added }: BundleUpdate): readonly ArrayBuffer[] {
  const arrays: readonly (Int32Array | Uint8Array)[] = [
    addresses.segments,
    addresses.starts,
    addresses.ends,
    index.slots,
    index.postings,
    index.always,
    ...index.groups.map((group) => group.rules),
    ...index.dimensions.flatMap(({ known, lists }) => [
      ...(known === undefined ? [] : [known.members]),
      ...(lists === undefined ? [] : [lists.of.slots, lists.of.postings, lists.single.members]),
    ]),
    ...added.values(),
  ];
  return [...new Set(arrays.map((array) => array.buffer as ArrayBuffer))];
}
