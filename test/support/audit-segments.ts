import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One decision as a PDP's audit chain has it. */
export interface DecisionRecord {
  readonly decision_id: string;
  readonly request_digest: string;
  readonly effect: string;
  /** The deny codes. */
  readonly deny: readonly string[];
  readonly tenant: string;
  readonly agent: string;
  readonly tool: { readonly server?: string; readonly name?: string; readonly operation?: string };
  /** SHA-256 over RFC 8785 of the tool's arguments, when it has any. */
  readonly arguments_digest?: string;
  readonly [field: string]: unknown;
}

/** The segments of an audit chain in order; none when there is no such folder. */
export function segmentsOf(auditDir: string): readonly string[] {
  if (!existsSync(auditDir)) return [];
  return readdirSync(auditDir)
    .filter((name) => name.endsWith('.jsonl'))
    .sort()
    .map((name) => join(auditDir, name));
}

/** Every decision of an audit chain, in order. */
export function decisionsIn(auditDir: string): readonly DecisionRecord[] {
  return segmentsOf(auditDir)
    .flatMap((file) => readFileSync(file, 'utf8').split('\n'))
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line) as DecisionRecord)
    .filter(({ kind }) => kind === 'decision');
}
