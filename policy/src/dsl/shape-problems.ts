import type { z } from 'zod';
import type { Excerpt, Findings } from './findings.js';
import { didYouMean } from './nearest.js';
import { childPath } from './source-document.js';

/** Where zod's issues belong, and the keys that are known at the top. */
export interface ShapeContext {
  readonly where: Excerpt;
  readonly findings: Findings;
  readonly known: readonly string[];
  /** The path, inside the excerpt, of the value that was checked; '' for the whole of it. */
  readonly base?: string;
}

/** Turns zod's issues into problems at the place of each value. */
export function reportShape(error: z.ZodError, { where, findings, known, base = '' }: ShapeContext): void {
  for (const issue of error.issues) {
    const path = issue.path.reduce<string>(
      (parent, part) => childPath(parent, typeof part === 'number' ? part : String(part)),
      base,
    );
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) {
        if (findings.full) return;
        // A schema that knows better says so in its message, as didYouMean does.
        const hint = path === base ? didYouMean(key, known) : issue.message.startsWith(';') ? issue.message : '';
        const message = `unknown key "${key}"${hint}`;
        findings.add(where, childPath(path, key), 'ERR_POLICY_KEY_UNKNOWN', message, 'key');
      }
      continue;
    }
    const missing = path !== base && (where.at(path) === undefined || !hasValue(issue));
    findings.add(
      where,
      path,
      'ERR_POLICY_SHAPE',
      missing ? `${path} is missing` : `${path || 'the document'}: ${lowerFirst(issue.message)}`,
    );
  }
}

// Zod says "received undefined" of a key that is not there.
function hasValue(issue: z.core.$ZodIssue): boolean {
  return !issue.message.endsWith('received undefined');
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}
