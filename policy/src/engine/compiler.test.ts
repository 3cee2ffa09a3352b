import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { MANIFEST, POLICIES, writePackedLayout } from '../bundle/packed-layout.js';
import type { CanonicalRequest } from '../model/request.js';
import { compileBundle, readBundleDocument } from './compile.js';
import { createCompiler } from './compiler.js';
import { type BundleUpdate, buffersOf, bundleOfImage, createImageReceiver } from './image.js';
import { linkBundle } from './link.js';

type Files = ReadonlyMap<string, Uint8Array>;

interface SketchSet {
  readonly order: 'asc' | 'desc';
  readonly tenant?: string;
  readonly policies: readonly { readonly name: string }[];
}
interface Sketch {
  readonly version: string;
  readonly fields?: object;
  readonly sets: readonly SketchSet[];
}

const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

/** The files of a packed bundle. */
function packed({ version, fields, sets }: Sketch): Files {
  const manifest = {
    format: 'portcullis.policy/1',
    name: 'b',
    version,
    ...(fields === undefined ? {} : { fields }),
    sets: sets.map(({ order, tenant }, number) => ({
      name: `s${number}`,
      layer: number === 1 ? 'platform' : 'tenant',
      combining: 'priority',
      priority_order: order,
      ...(tenant === undefined ? {} : { tenant }),
      policies: `p${number}`,
    })),
  };
  const source = new Map([
    ['bundle.yaml', bytes(manifest)],
    // One file per name: what stands before a policy in its file moves it.
    ...sets.flatMap(({ policies }, number) =>
      [...Map.groupBy(policies, ({ name }) => name)].map(
        ([name, own]) => [`p${number}/${name.replace(' ', '-')}.json`, bytes(own)] as const,
      ),
    ),
    ...sets.map((_, number) => [`p${number}/README.md`, bytes('')] as const),
  ]);
  const document = readBundleDocument(source);
  if (!document.ok) throw new Error(JSON.stringify(document.problems));
  return writePackedLayout(document.value);
}

function policy(number: number, more: object = {}): { readonly name: string } {
  const when = { field: 'agent.id', operator: 'equals', value: `a${number % 3}` };
  const own = { name: `P ${number}`, when, effect: number % 2 === 0 ? 'allow' : 'deny', priority: number % 4 };
  return { ...own, ...more };
}

const aPolicy = fc
  .tuple(
    fc.nat(11),
    fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom({}, { effect: 'log_only' }, { priority: 3 }, { status: 'disabled' }) },
      {
        weight: 2,
        arbitrary: fc.constantFrom(
          { created_at: '2025-01-01T00:00:00Z' },
          { when: { field: 'tool.name', operator: 'regex_match', value: '^(a|b)+$' } },
          { when: { field: 'tool.attributes.cost', operator: 'exists' } },
          { scope: { tenant: 't1' } },
          { effect: { type: 'log_only', log_intent_signals: true } },
        ),
      },
      // Problems: of one policy, of its set's scope, of a field that only some bundles declare.
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          { effect: 'x' },
          { scope: { tenant: 'other' } },
          { when: { field: 'tool.attributes.cost', operator: 'greater_than', value: 5 } },
          { when: { field: 'tool.attributes.cost', operator: 'contains', value: 'x' } },
        ),
      },
    ),
  )
  .map(([number, more]) => policy(number, more));
const someSet = fc.record(
  {
    order: fc.constantFrom('asc' as const, 'desc' as const),
    tenant: fc.constant('t1'),
    policies: fc.uniqueArray(aPolicy, { maxLength: 8, selector: (one) => JSON.stringify(one) }),
  },
  { requiredKeys: ['order', 'policies'] },
);
const sketch: fc.Arbitrary<Sketch> = fc.record(
  {
    version: fc.constantFrom('1.0.0', '1.0.1'),
    fields: fc.constant({ 'tool.attributes.cost': { type: 'number' } }),
    sets: fc.array(someSet, { minLength: 1, maxLength: 3 }),
  },
  { requiredKeys: ['version', 'sets'] },
);

const REQUESTS = ['a0', 'a1', 'a2'].map(
  (id): CanonicalRequest => ({
    version: '1.0',
    tenant_id: 't1',
    source: 'mcp_proxy',
    kind: 'tool_call',
    agent: { id },
    tool: { name: 'ab', attributes: { cost: 7 } },
    context: { timestamp: '2026-01-01T00:00:00Z', request_id: 'r' },
  }),
);

describe('a compiler that remembers', () => {
  test('gives what compiling from scratch gives, whatever came before', () => {
    const seen = { compiled: 0, refused: 0 };
    fc.assert(
      fc.property(fc.array(sketch, { minLength: 2, maxLength: 6 }), fc.constantFrom(0, 2_000), (sketches, dead) => {
        const compiler = createCompiler(dead);
        const receiver = createImageReceiver();
        for (const files of sketches.map(packed)) {
          const expected = compileBundle(files);
          const update = compiler.compile(files);
          if (!expected.ok || !update.ok) {
            seen.refused += 1;
            expect(update).toEqual(expected);
            continue;
          }
          seen.compiled += 1;
          const image = receiver.receive(structuredClone(update.value, { transfer: [...buffersOf(update.value)] }));
          expect(bundleOfImage(image)).toEqual(expected.value);
          const [engine, scratch] = [linkBundle(image), linkBundle(expected.value)];
          expect(engine.factsNeeded).toEqual(scratch.factsNeeded);
          expect(REQUESTS.map((one) => engine.evaluate(one))).toEqual(REQUESTS.map((one) => scratch.evaluate(one)));
          expect(engine.explain(REQUESTS[0] as CanonicalRequest)).toEqual(
            scratch.explain(REQUESTS[0] as CanonicalRequest),
          );
        }
      }),
      { numRuns: 40 },
    );
    expect(seen.compiled).toBeGreaterThan(30);
    expect(seen.refused).toBeGreaterThan(20);
  });

  const many = Array.from({ length: 50 }, (_, number) => policy(number));
  const added = (update: BundleUpdate): string =>
    [...update.added.values()].map((segment) => new TextDecoder().decode(segment)).join('');
  const compiledBy = (compiler: ReturnType<typeof createCompiler>, files: Files): BundleUpdate => {
    const update = compiler.compile(files);
    if (!update.ok) throw new Error(JSON.stringify(update.problems));
    return update.value;
  };
  const bundle = (...policies: SketchSet['policies']): Files =>
    packed({ version: '1.0.0', sets: [{ order: 'asc', policies }] });

  test('sends only the policy that changed', () => {
    const compiler = createCompiler();
    expect(added(compiledBy(compiler, bundle(...many)))).toContain('"p-7"');
    expect(added(compiledBy(compiler, bundle(...many)))).toBe('');
    const changed = added(compiledBy(compiler, bundle(...many.slice(1), policy(0, { effect: 'log_only' }))));
    expect(JSON.parse(changed)).toMatchObject({ id: 'p-0', effect: { type: 'log_only' } });
  });

  test('sends everything anew once too much of what was sent is dead', () => {
    const compiler = createCompiler(1_000);
    compiledBy(compiler, bundle(...many));
    expect(added(compiledBy(compiler, bundle(...many.slice(1))))).toBe('');
    expect(added(compiledBy(compiler, bundle(...many.slice(25))))).toContain('"p-49"');
  });

  test('goes on from the last bundle that was right', () => {
    const compiler = createCompiler();
    compiledBy(compiler, bundle(...many));
    expect(compiler.compile(bundle(...many, policy(50, { effect: 'x' }))).ok).toBe(false);
    expect(added(compiledBy(compiler, bundle(...many)))).toBe('');
  });

  test('refuses a document that is not canonical, as compiling from scratch does', () => {
    const files = bundle(...many);
    const text = new TextDecoder().decode(files.get(POLICIES));
    for (const wrong of [
      ` ${text}`,
      text.replace('"effect":"allow"', '"effect": "allow"'),
      text.slice(0, -1),
      '',
      '5',
    ]) {
      const spoiled = new Map(files).set(POLICIES, new TextEncoder().encode(wrong));
      expect(createCompiler().compile(spoiled)).toEqual(compileBundle(spoiled));
      expect(compileBundle(spoiled).ok).toBe(false);
    }
    const nothing = new Map([[MANIFEST, files.get(MANIFEST) ?? new Uint8Array()]]);
    expect(createCompiler().compile(nothing)).toEqual(compileBundle(nothing));
  });

  test('compiles a source folder too', () => {
    const source = new Map([
      [
        'bundle.yaml',
        bytes({
          format: 'portcullis.policy/1',
          name: 'b',
          version: '1.0.0',
          sets: [{ name: 's', layer: 'platform', combining: 'priority', priority_order: 'asc', policies: 'p' }],
        }),
      ],
      ['p/a.json', bytes(many)],
    ]);
    const image = createImageReceiver().receive(compiledBy(createCompiler(), source));
    const expected = compileBundle(source);
    expect(expected.ok && bundleOfImage(image)).toEqual(expected.ok && expected.value);
  });

  test('takes sets of one name for what they are', () => {
    const files = packed({
      version: '1.0.0',
      sets: [
        { order: 'asc', policies: [policy(1)] },
        { order: 'asc', policies: [policy(2)] },
      ],
    });
    const text = new TextDecoder().decode(files.get(POLICIES)).replace('"name":"s1"', '"name":"s0"');
    const same = new Map(files).set(POLICIES, new TextEncoder().encode(text));
    const expected = compileBundle(same);
    const update = createCompiler().compile(same);
    expect(update.ok && bundleOfImage(createImageReceiver().receive(update.value))).toEqual(
      expected.ok && expected.value,
    );
  });

  test('an update whose predecessor was not received is not taken', () => {
    const compiler = createCompiler();
    compiledBy(compiler, bundle(...many));
    const second = compiledBy(compiler, bundle(...many.slice(1)));
    expect(() => createImageReceiver().receive(second)).toThrow(TypeError);
  });
});
