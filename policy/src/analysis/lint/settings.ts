import { z } from 'zod';
import { parseSourceDocument } from '../../dsl/source-document.js';
import { LINT_CODES } from './rules.js';

/** An exception from lint, with the reason that somebody gave for it. */
export interface LintIgnore {
  readonly code: (typeof LINT_CODES)[number];
  /** The slug of the policy; every policy when absent. */
  readonly policy?: string | undefined;
  readonly reason: string;
}

/** What `bundle.yaml` says under `lint`. */
export interface LintSettings {
  readonly ignore: readonly LintIgnore[];
  /** The line of each entry of `ignore`. */
  readonly lines: readonly number[];
}

/** The schema of `lint` in `bundle.yaml`. */
export function lintSettingsShape(): ReturnType<typeof buildLintSettings> {
  return buildLintSettings();
}

function buildLintSettings() {
  return z.strictObject({
    ignore: z
      .array(
        z.strictObject({
          code: z.enum(LINT_CODES).describe('The finding that is expected.'),
          policy: z.string().min(1).max(128).describe('The slug of the policy; every policy when absent.').optional(),
          reason: z.string().min(1).max(1000).describe('Why it is right as it is.'),
        }),
      )
      .max(1000)
      .describe('Findings that portcullis lint does not report.'),
  });
}

/** Reads what a bundle's manifest says under `lint`; nothing is ignored when it says nothing, or nothing valid. */
export function readLintSettings(file: string, bytes: Uint8Array): LintSettings {
  const none: LintSettings = { ignore: [], lines: [] };
  const document = parseSourceDocument(file, bytes);
  if (!document.ok) return none;
  const { value, positions } = document.value;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return none;
  const parsed = lintSettingsShape().safeParse((value as { readonly [name: string]: unknown })['lint']);
  if (!parsed.success) return none;
  const { ignore } = parsed.data;
  return { ignore, lines: ignore.map((_, index) => positions.get(`lint.ignore[${index}]`)?.[0] ?? 1) };
}
