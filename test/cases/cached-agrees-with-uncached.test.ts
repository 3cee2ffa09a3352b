/** Whatever happens to policies, trust, labels, time and the watch: a cached plane answers as one without caches does. */
import { expect, test } from '@jest/globals';
import type { CanonicalRequest, Json, JsonObject } from '@portcullis/policy/model';
import * as fc from 'fast-check';
import { compiled, sourceOf } from '../support/bundle-source.js';
import { type CachedPlane, createCachedPlane, keeping, type Origin } from '../support/cached-plane.js';
import { DECLARED_FIELDS } from '../support/leaf-generators.js';
import { bundle } from '../support/policy-generators.js';
import type { ReferenceBundle } from '../support/reference-evaluator.js';
import { request } from '../support/request-generators.js';

/** Requests in all; a long run is the million that soundness was promised for. */
const LONG = process.env['PORTCULLIS_TEST_LONG'] === '1';
const REQUESTS = LONG ? 1_000_000 : Number(process.env['JEST_PROPERTY_RUNS'] ?? 20_000);
/** Requests per history, about: compiling is what costs. */
const PER_HISTORY = 400;
/** How often what happens before a request; mostly nothing, or nothing would be kept. */
const KINDS = [
  'publish',
  ...Array.from({ length: 3 }, () => 'event' as const),
  ...Array.from({ length: 16 }, () => 'same' as const),
  ...Array.from({ length: 20 }, () => 'other' as const),
] as const;
const HISTORIES = Math.ceil(REQUESTS / PER_HISTORY);

const object = (value: Json | undefined): JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};

/** What a PEP may send: the generated request without what only a PDP adds, from a tenant that may ask. */
const sendable = request().map((generated): CanonicalRequest => {
  const { facts: _facts, ...rest } = generated as unknown as JsonObject;
  const { approval: _approval, ...context } = object(rest['context']);
  return {
    ...rest,
    tenant_id: rest['tenant_id'] === 't2' ? 't2' : 't1',
    agent: object(rest['agent']),
    tool: object(rest['tool']),
    context,
  } as unknown as CanonicalRequest;
});

const text = fc.constantFrom('a', 'b', 'ab');
const levels = fc.constantFrom('low', 'high');

/** Conditions on what changes in these histories, with or without a request that is otherwise. */
const leaf = fc.oneof(
  fc.record({
    field: fc.constant('agent.trust_level'),
    operator: fc.constant('greater_than'),
    value: fc.constantFrom(1, 6),
  }),
  fc.record({ field: fc.constant('tool.attributes.level'), operator: fc.constant('equals'), value: levels }),
  fc.record({
    field: fc.constant('context.labels'),
    operator: fc.constant('contains'),
    value: fc.constantFrom('a', 'b'),
  }),
  fc.record({
    field: fc.constantFrom('agent.id', 'tool.name', 'tool.arguments.p', 'context.workspace_id'),
    operator: fc.constantFrom('equals', 'not_equals'),
    value: text,
  }),
  fc.record({ field: fc.constant('agent.trust_level'), operator: fc.constant('exists'), value: fc.boolean() }),
) as fc.Arbitrary<Json>;
const condition = fc.oneof(
  leaf,
  fc.record({
    operator: fc.constantFrom('and', 'or'),
    conditions: fc.array(leaf, { minLength: 2, maxLength: 2 }),
  }) as fc.Arbitrary<Json>,
);
/** Small ones that read what changes; the others are as varied as the language is. */
const changeable: fc.Arbitrary<ReferenceBundle> = fc
  .record({
    fallback: fc.constantFrom('allow' as const, 'deny' as const),
    rules: fc.array(
      fc.record({
        when: condition,
        effect: fc.constantFrom<Json>('allow', 'allow', 'allow', 'deny', 'redact', 'escalate', 'require_approval'),
        priority: fc.constantFrom(0, 10, 50),
      }),
      { minLength: 1, maxLength: 5 },
    ),
  })
  .map(({ fallback, rules }) => ({
    version: '1.0.0',
    default: fallback,
    fields: DECLARED_FIELDS,
    sets: [
      {
        name: 's',
        layer: 'platform',
        combining: 'priority',
        priority_order: 'desc',
        policies: rules.map((rule, place) => ({ name: `p${place}`, slug: `p${place}`, ...rule })),
      },
    ],
  }));
const bundles = fc.oneof({ weight: 2, arbitrary: changeable }, { weight: 1, arbitrary: bundle(3) });

const AT = ['agent', 'tool', 'context'] as const;
type Change = readonly [at: (typeof AT)[number], name: string, to: Json];
/** One thing about a request is otherwise. */
const CHANGES: readonly Change[] = [
  ...['a', 'b', 'ab'].flatMap((to): readonly Change[] => [
    ['agent', 'id', to],
    ['tool', 'name', to],
    ['context', 'workspace_id', to],
  ]),
  ...[0, 5, 9].map((to): Change => ['agent', 'trust_level', to]),
  ...[{}, { p: 'a' }, { p: 'b', q: { r: 'a' } }, { l: ['a', 'b'] }, 'a'].map((to): Change => ['tool', 'arguments', to]),
  ...[[], ['a'], ['a', 'b']].map((to): Change => ['context', 'labels', to]),
];

type Step = (plane: CachedPlane) => void;
/** What happens besides requests. */
const EVENTS: readonly Step[] = [
  ...['a', 'b', 'ab'].flatMap((name): readonly Step[] => [
    ...[0, 5, 9].map((level) => (plane: CachedPlane) => plane.trust(name, level)),
    ...['low', 'high'].map((level) => (plane: CachedPlane) => plane.register(name, level)),
  ]),
  ...[[], ['a'], ['b'], ['a', 'b']].map((some) => (plane: CachedPlane) => plane.label(some)),
  ...[1, 900, 5_000, 10_000].map((ms) => (plane: CachedPlane) => plane.pass(ms)),
  (plane) => plane.interrupt(),
];

/** Mulberry32: what one seed chooses, much faster than a generator per step. */
function choices(seed: number): <T>(from: readonly [T, ...T[]] | readonly T[]) => T {
  let state = seed;
  return (from) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    const chosen = from[((mixed ^ (mixed >>> 14)) >>> 0) % from.length];
    return chosen ?? raise();
  };
}

test(
  'a cached plane answers as an uncached one, over histories of releases, trust, labels and time',
  async () => {
    const seen: Record<Origin, number> = { sidecar: 0, pdp: 0, decided: 0 };
    const effects = new Set<string>();
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(bundles, bundles),
        fc.tuple(sendable, sendable, sendable, sendable),
        fc.integer(),
        async (given, bases, seed) => {
          const releases = given.map((one) => keeping(compiled(sourceOf(one))));
          const plane = createCachedPlane(releases[0] ?? raise());
          const choose = choices(seed);
          for (let number = 0; number < PER_HISTORY; number += 1) {
            const kind = choose(KINDS);
            if (kind === 'event') choose(EVENTS)(plane);
            if (kind === 'publish') plane.publish(choose(releases));
            const asked = changed(choose(bases), kind === 'same' ? undefined : choose(CHANGES), number);
            const { substance, origin } = await (number % 3 === 0 ? plane.askPdp(asked) : plane.ask(asked));
            const plain = await plane.askPlain(asked);
            seen[origin] += 1;
            effects.add(substance.effect);
            // The text is much faster to compare, and the matcher says better what differs.
            if (JSON.stringify(substance) !== JSON.stringify(plain)) expect(substance).toEqual(plain);
          }
        },
      ),
      // The seed of a failure is printed; to shrink histories takes longer than to read one.
      { numRuns: HISTORIES, endOnFailure: true },
    );
    process.stdout.write(`cached = uncached: ${JSON.stringify(seen)}\n`);
    expect([...effects].sort()).toEqual(['allow', 'deny', 'hold']);
    // Or nothing was put to the test.
    expect(seen.sidecar).toBeGreaterThan(REQUESTS / 20);
    expect(seen.pdp).toBeGreaterThan(REQUESTS / 50);
  },
  60_000 + REQUESTS * 10,
);

function changed(base: CanonicalRequest, what: Change | undefined, number: number): CanonicalRequest {
  const start = { ...base, context: { ...base.context, request_id: `r${number}` } };
  if (what === undefined) return start;
  const [at, name, to] = what;
  return { ...start, [at]: { ...start[at], [name]: to } };
}

function raise(): never {
  throw new Error('there is no such bundle');
}
