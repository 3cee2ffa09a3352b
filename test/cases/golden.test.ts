import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { buildBundle, compileBundle, linkBundle, unpackBundle } from '@portcullis/policy';
import type { Verdict } from '@portcullis/policy/model';
import { z } from 'zod';
import { compiled } from '../support/bundle-source.js';
import { readReferenceBundle } from '../support/reference-bundle.js';
import { evaluateReference, type ReferenceVerdict, toReferenceVerdict } from '../support/reference-evaluator.js';
import { type GoldenCase, type GoldenOutcome, goldenCaseShape, loadGoldenCases } from './golden.js';

const cases = loadGoldenCases();

function outcomeOf(verdict: ReferenceVerdict): GoldenOutcome {
  return {
    effect: verdict.effect as GoldenOutcome['effect'],
    deny: verdict.deny.map((reason) => ({ ...reason })),
    ...(verdict.conditions.length === 0 ? {} : { conditions: [...verdict.conditions] }),
    ...(verdict.obligations.length === 0 ? {} : { obligations: [...verdict.obligations] }),
    matched: verdict.matched.map(({ policy, layer, effect }) => ({ policy, layer, effect })),
    errors: verdict.errors.map((error) => ({ ...error })),
  };
}

const engines = new Map<string, ReturnType<typeof linkBundle>>();

/** From the source folder, as an author's tools see it; compiled once for all tests of a case. */
function engineOf({ name, files }: GoldenCase): ReturnType<typeof linkBundle> {
  const engine = engines.get(name) ?? linkBundle(compiled(files));
  engines.set(name, engine);
  return engine;
}

function fromSource(one: GoldenCase): Verdict {
  return engineOf(one).evaluate(one.request);
}

/** Through the bundle, as a PDP gets it. */
async function fromBundle({ files, request }: GoldenCase): Promise<Verdict> {
  const built = await buildBundle(files);
  if (!built.ok) throw new Error(JSON.stringify(built.problems));
  const unpacked = await unpackBundle(built.value.bytes);
  if (!unpacked.ok) throw new Error(JSON.stringify(unpacked.problems));
  const result = compileBundle(unpacked.value);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return linkBundle(structuredClone(result.value)).evaluate(request);
}

describe('golden cases', () => {
  test('there are many of them, and each says in one sentence what it shows', () => {
    expect(cases.length).toBeGreaterThanOrEqual(160);
    expect(cases.map((one) => one.description).filter((text) => !/^\S.{20,}\.$/s.test(text))).toEqual([]);
    expect(new Set(cases.map((one) => one.description)).size).toBe(cases.length);
  });

  test('the published schema is that of the loader', () => {
    const schema: unknown = JSON.parse(readFileSync(new URL('golden.schema.json', import.meta.url), 'utf8'));
    expect(schema).toEqual(z.toJSONSchema(goldenCaseShape, { io: 'input' }));
  });

  test.each(cases)('$name: the reference evaluator', (one) => {
    expect(outcomeOf(evaluateReference(readReferenceBundle(one.files), one.request))).toEqual(one.expect);
  });

  test.each(cases)('$name: the engine, from source', (one) => {
    expect(outcomeOf(toReferenceVerdict(fromSource(one)))).toEqual(one.expect);
  });

  test.each(cases)('$name: the engine, from a packed bundle, with the same texts', async (one) => {
    const verdict = await fromBundle(one);
    expect(outcomeOf(toReferenceVerdict(verdict))).toEqual(one.expect);
    expect(verdict).toEqual(fromSource(one));
  });

  test.each(cases)('$name: the explanation carries the verdict', (one) => {
    const engine = engineOf(one);
    expect(engine.explain(one.request).verdict).toEqual(engine.evaluate(one.request));
  });
});
