import { parseEffect } from '../../dsl/effects.js';
import { didYouMean } from '../../dsl/nearest.js';
import { SLUG } from '../../dsl/schema.js';
import type { Position } from '../../dsl/source-document.js';
import type { RuleIr } from '../../engine/ir.js';
import type { JsonObject } from '../../model/request.js';
import { MODULE_LIMITS } from '../limits.js';
import { type ModuleReport, placeIn, readText, report, shownName } from '../module-files.js';
import type { CedarError, CedarLibrary } from './cedar-library.js';
import { blankComments, characterAt, measureDepth, placeOf } from './cedar-text.js';

/** One policy of a module. */
export interface CedarPolicy {
  /** What it does in resolution; its condition is Cedar's. */
  readonly rule: RuleIr;
  /** As written, comments blanked. */
  readonly text: string;
  /** The same scope and conditions as a `permit`, whatever it was: Cedar then tells of each policy whether it holds. */
  readonly asPermit: string;
  /** Where the policy begins. */
  readonly file: string;
  readonly start: number;
  /** The text of the whole file, comments blanked. */
  readonly fileText: string;
}

/** The annotations that mean something here. Others are the author's own business. */
const ANNOTATIONS = [
  'id',
  'name',
  'effect',
  'reason_code',
  'message',
  'role',
  'group',
  'quorum',
  'expires_seconds',
  'reason',
] as const;
const MIN_SLIP_LENGTH = 5;
const EFFECTS_OF = {
  permit: ['allow', 'log_only', 'escalate'],
  forbid: ['deny', 'require_approval', 'require_hitl'],
} as const;

/** Annotations, then the keyword. */
const HEAD = /^(?:\s*@\s*\w+\s*(?:\(\s*"(?:\\.|[^"\\])*"\s*\))?)*\s*(?=(permit|forbid)\b)/s;

/** Reads the policies of every `*.cedar` file, in the order of their files. Reports every problem. */
export function readCedarPolicies(library: CedarLibrary, to: ModuleReport): readonly CedarPolicy[] {
  const names = to.ir.files.map(([name]) => name).filter((name) => name.endsWith('.cedar'));
  const policies: CedarPolicy[] = [];
  const bySlug = new Map<string, CedarPolicy>();
  let bytes = 0;
  for (const file of names) {
    const text = readText(to, file, MODULE_LIMITS.cedar.policyBytes - bytes);
    if (text === undefined) continue;
    bytes += text.length;
    for (const policy of readFile(library, to, file, blankComments(text))) {
      const twin = bySlug.get(policy.rule.id);
      if (twin !== undefined) {
        const where = `${twin.rule.file}:${twin.rule.line}`;
        const message = `the id "${policy.rule.id}" is already that of the policy at ${where}`;
        report(to, file, 'ERR_POLICY_SLUG_DUPLICATE', message, placeOf(policy.fileText, policy.start));
      }
      bySlug.set(policy.rule.id, policy);
      policies.push(policy);
    }
  }
  if (policies.length > MODULE_LIMITS.cedar.policies) {
    const message = `the module has ${policies.length} policies, at most ${MODULE_LIMITS.cedar.policies}`;
    report(to, names[0] ?? '', 'ERR_MODULE_TOO_LARGE', message);
  }
  return policies;
}

function readFile(library: CedarLibrary, to: ModuleReport, file: string, fileText: string): readonly CedarPolicy[] {
  const depth = measureDepth(fileText);
  if (depth > MODULE_LIMITS.cedar.depth) {
    const message = `an expression is ${depth} levels deep, at most ${MODULE_LIMITS.cedar.depth}; use a set, or split the policy`;
    report(to, file, 'ERR_MODULE_TOO_LARGE', message);
    return [];
  }
  const parts = library.policySetTextToParts(fileText);
  if (parts.type === 'failure') {
    for (const error of parts.errors) reportCedarError(to, { file, fileText, start: 0 }, error);
    return [];
  }
  for (const template of parts.policy_templates) {
    const message = 'a policy template is not possible here: there is nothing that would fill in its slots';
    report(to, file, 'ERR_MODULE_POLICY', message, placeOf(fileText, Math.max(0, fileText.indexOf(template))));
  }
  return locate(fileText, parts.policies).flatMap(({ text, start }, index) => {
    const policy = readPolicy(library, to, { file, fileText, text, start, index });
    return policy === undefined ? [] : [policy];
  });
}

/** Finds the policies in their file; the library lists them in an order of its own. */
function locate(fileText: string, texts: readonly string[]): readonly { text: string; start: number }[] {
  const next = new Map<string, number>();
  return texts
    .map((text) => {
      const start = Math.max(0, fileText.indexOf(text, next.get(text) ?? 0));
      next.set(text, start + text.length);
      return { text, start };
    })
    .sort((a, b) => a.start - b.start);
}

interface Written {
  readonly file: string;
  readonly fileText: string;
  readonly text: string;
  readonly start: number;
  readonly index: number;
}

function readPolicy(library: CedarLibrary, to: ModuleReport, written: Written): CedarPolicy | undefined {
  const { file, fileText, text, start, index } = written;
  const position = placeOf(fileText, start);
  const parsed = library.policyToJson(text);
  const asPermit = parsed.type === 'failure' ? undefined : withPermit(text, parsed.json.effect);
  if (parsed.type === 'failure' || asPermit === undefined) {
    report(to, file, 'ERR_MODULE_POLICY', 'the policy cannot be read', position);
    return undefined;
  }
  const before = to.findings.count;
  const annotations = parsed.json.annotations ?? {};
  for (const name of Object.keys(annotations)) {
    // Short words resemble each other without being slips.
    const own = ANNOTATIONS.some((known) => known === name) || name.length < MIN_SLIP_LENGTH;
    const meant = own ? '' : didYouMean(name, ANNOTATIONS);
    if (meant !== '') report(to, file, 'ERR_POLICY_KEY_UNKNOWN', `unknown annotation "@${name}"${meant}`, position);
  }
  const id = annotations['id'] ?? `${stemOf(file)}-${index + 1}`;
  if (!SLUG.test(id) || id.length > 128) {
    const message = `@id("${id}"): expected lower-case letters and digits, joined by single - _ or .`;
    report(to, file, 'ERR_POLICY_SHAPE', message, position);
  }
  const effect = effectOf(parsed.json.effect, annotations, to, file, position);
  if (effect === undefined || to.findings.count > before) return undefined;
  const [line, column] = position;
  const rule: RuleIr = {
    id,
    name: annotations['name'] ?? id,
    effect,
    priority: 0,
    scope: [],
    when: { node: 'and', of: [] },
    frameworks: [],
    file: shownName(to.ir, file),
    line,
    column,
  };
  return { rule, text, asPermit, file, start, fileText };
}

function effectOf(
  keyword: 'permit' | 'forbid',
  annotations: Readonly<Record<string, string>>,
  to: ModuleReport,
  file: string,
  position: Position,
): RuleIr['effect'] | undefined {
  const possible: readonly string[] = EFFECTS_OF[keyword];
  const type = annotations['effect'] ?? possible[0] ?? '';
  if (!possible.includes(type)) {
    const message = `@effect("${type}") is not an effect of a ${keyword} (it is one of ${possible.join(', ')})`;
    report(to, file, 'ERR_POLICY_EFFECT_UNKNOWN', message + didYouMean(type, possible), position);
    return undefined;
  }
  const written: JsonObject = {
    type,
    ...renamed(annotations, 'reason_code', 'deny_reason_code'),
    ...renamed(annotations, 'message', 'deny_user_message'),
    ...renamed(annotations, 'role', 'role'),
    ...renamed(annotations, 'group', 'group'),
    ...renamed(annotations, 'reason', 'reason'),
    ...numbered(annotations, 'quorum'),
    ...numbered(annotations, 'expires_seconds'),
  };
  return parseEffect(written, placeIn(to.ir, file, position), to.findings);
}

function renamed(annotations: Readonly<Record<string, string>>, from: string, name: string): JsonObject {
  const value = annotations[from];
  return value === undefined ? {} : { [name]: value };
}

function numbered(annotations: Readonly<Record<string, string>>, name: string): JsonObject {
  const value = annotations[name];
  if (value === undefined) return {};
  return { [name]: /^\d{1,9}$/.test(value) ? Number(value) : value };
}

/** `forbid` and `permit` are equally long, so every place in the text stays what it was. */
function withPermit(text: string, keyword: string): string | undefined {
  const head = HEAD.exec(text);
  if (head === null || head[1] !== keyword) return undefined;
  const at = head[0].length;
  return `${text.slice(0, at)}permit${text.slice(at + 'permit'.length)}`;
}

function stemOf(file: string): string {
  const stem = file
    .replace(/^.*\//, '')
    .replace(/\.cedar$/, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  return stem === '' ? 'policy' : stem;
}

/** Reports one of the library's complaints at its place; `start` is where the text that it speaks of begins. */
export function reportCedarError(
  to: ModuleReport,
  { file, fileText, start }: { readonly file: string; readonly fileText: string; readonly start: number },
  error: CedarError,
): void {
  for (const one of [error, ...(error.related ?? [])]) {
    const [place] = one.sourceLocations ?? [];
    const offset = place === undefined ? start : start + characterAt(fileText.slice(start), place.start);
    const label = place?.label === null || place?.label === undefined ? '' : ` (${place.label})`;
    const help = one.help === null ? '' : `; ${one.help}`;
    report(to, file, 'ERR_MODULE_POLICY', `${one.message}${label}${help}`, placeOf(fileText, offset));
  }
}
