import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ContextualRequest } from '@portcullis/policy/model';
import { z } from 'zod';
import { sourceFiles } from '../support/bundle-source.js';

const addition = z.strictObject({ type: z.string(), value: z.unknown() });

const outcome = z.strictObject({
  effect: z.enum(['allow', 'deny', 'hold']),
  /** Every reason, in order. */
  deny: z.array(z.strictObject({ code: z.string(), path: z.string(), reason_code: z.string().optional() })),
  /** What an allow comes with, or what a hold asks for, in order; nothing when absent. */
  conditions: z.array(addition).optional(),
  /** What is to be done besides, in order; nothing when absent. */
  obligations: z.array(addition).optional(),
  /** Every rule that took part, in order. */
  matched: z.array(z.strictObject({ policy: z.string(), layer: z.string(), effect: z.string() })),
  /** Every rule that could not be evaluated, in order, and which of its conditions is to blame. */
  errors: z.array(z.strictObject({ policy: z.string(), layer: z.string(), path: z.string() })),
});

/** A file of the bundle's source: text as it stands, or data that is written as JSON. */
const file = z.union([z.string(), z.array(z.unknown()), z.record(z.string(), z.unknown())]);

/** The shape of a golden case; the JSON Schema beside this file is generated from it. */
export const goldenCaseShape = z.strictObject({
  $schema: z.literal('../golden.schema.json'),
  description: z.string().min(20).describe('One sentence: what the case shows.'),
  bundle: z.record(z.string(), file).describe('The files of a bundle source, by name.'),
  request: z.looseObject({ version: z.literal('1.0') }).describe('A canonical request.'),
  facts: z
    .record(z.string(), z.unknown())
    .describe('What a decision point knows besides; such a case cannot be asked from outside.')
    .optional(),
  expect: outcome,
});

/** What a decision must say, apart from texts for people. */
export type GoldenOutcome = z.output<typeof outcome>;

/** One case, ready for any driver. */
export interface GoldenCase {
  /** The file's name without `.json`. */
  readonly name: string;
  readonly description: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly request: ContextualRequest;
  /** Whether a PEP may ask it: facts and approvals are the decision point's own. */
  readonly fromOutside: boolean;
  readonly expect: GoldenOutcome;
}

/** The folder of the cases, in the sources, wherever this module runs from. */
function goldenFolder(): string {
  const here = fileURLToPath(new URL('.', import.meta.url));
  return join(here.replace(/[/\\]dist[/\\]cases[/\\]?$/, '/cases/'), 'golden');
}

/** Loads every case; a file that is not one throws with its name. */
export function loadGoldenCases(): readonly GoldenCase[] {
  const folder = goldenFolder();
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => {
      const parsed = goldenCaseShape.safeParse(JSON.parse(readFileSync(join(folder, name), 'utf8')));
      if (!parsed.success) throw new Error(`${name} is not a golden case: ${z.prettifyError(parsed.error)}`);
      const { description, bundle, request, facts, expect } = parsed.data;
      const asked = { ...request, ...(facts === undefined ? {} : { facts }) } as unknown as ContextualRequest;
      const texts = Object.entries(bundle).map(([path, content]) => {
        return [path, typeof content === 'string' ? content : JSON.stringify(content, null, 2)] as const;
      });
      return {
        name: name.replace(/\.json$/, ''),
        description,
        files: sourceFiles(Object.fromEntries(texts)),
        request: asked,
        fromOutside: facts === undefined && asked.context?.approval === undefined,
        expect,
      };
    });
}
