/** The recorded traffic: JSON lines, plain or gzipped, read where they are. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Json, JsonObject } from '@portcullis/policy/model';

/** One recorded session. */
export interface Scenario {
  readonly id: string;
  readonly suite: string;
  /** For counting, and for looking up the declared scope; nothing of it is shown to a decision point. */
  readonly group: string | null;
  readonly prompt: string;
  readonly user: JsonObject | null;
  readonly agent: { readonly id: string };
  readonly calls: readonly {
    readonly step: number;
    readonly tool: string;
    readonly args: JsonObject;
    readonly output: Json;
  }[];
}

/** What outsiders say of a tool. */
export interface Annotation {
  readonly effect: 'read' | 'write';
  readonly arguments?: {
    readonly trusted?: readonly string[];
    readonly trusted_or_readable?: { readonly destination: readonly string[]; readonly payload: readonly string[] };
    readonly readable_by?: { readonly payload: readonly string[] };
  };
  readonly output?: { readonly from: string };
}

/** A suite as it is declared. */
export interface Suite {
  readonly tools: Readonly<Record<string, Annotation>>;
  /** Tools planned for a task, by group. */
  readonly plans: Readonly<Record<string, readonly string[]>>;
}

/** Files of recorded sessions below a folder. */
export function scenarioFiles(data: string): readonly string[] {
  return ['agentdojo', 'agentdyn', 'fpr'].flatMap((folder) => {
    const path = join(data, folder);
    if (!existsSync(path)) return [];
    return readdirSync(path)
      .filter((name) => /\.jsonl(?:\.gz)?$/u.test(name))
      .toSorted()
      .map((name) => join(path, name));
  });
}

/** The sessions of a file. */
export function readScenarios(file: string): readonly Scenario[] {
  const bytes = readFileSync(file);
  const text = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line) as Scenario);
}

/** What is declared of a suite; nothing when there are no files about it. */
export function readSuite(data: string, suite: string): Suite {
  const read = (kind: string): { tools?: Suite['tools']; plans?: Suite['plans'] } => {
    const path = join(data, kind, `${suite}.json`);
    return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {};
  };
  return { tools: read('annotations').tools ?? {}, plans: read('scope').plans ?? {} };
}
