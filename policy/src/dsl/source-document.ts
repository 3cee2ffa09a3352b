import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type ParsedNode, parseDocument } from 'yaml';
import type { Checked, Json } from '../model/index.js';
import type { Problem } from '../model/problem.js';
import { readJsonDocument } from './json-document.js';
import type { PolicyProblemCode } from './problem-codes.js';

/** A place in a file: 1-based line and column. */
export type Position = readonly [line: number, column: number];

/** A document of policy text with the place of every value, keyed by path (`when.conditions[1].field`; the root is ''). */
export interface SourceDocument {
  readonly file: string;
  readonly value: Json;
  /** Where each value begins. */
  readonly positions: ReadonlyMap<string, Position>;
  /** Where the key of each named value begins. */
  readonly keys: ReadonlyMap<string, Position>;
}

/** Caps on one document. A policy file is hand-written; what is over these is not one. */
export const DOCUMENT_LIMITS = { bytes: 4 * 1024 * 1024, depth: 64, nodes: 200_000, aliases: 16 } as const;

/** Names that would reach an object's prototype somewhere downstream. */
const PROTOTYPE_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** `parent.name`, or `name` at the root. */
export function childPath(parent: string, name: string | number): string {
  if (typeof name === 'number') return `${parent}[${name}]`;
  return parent === '' ? name : `${parent}.${name}`;
}

/**
 * Reads one YAML 1.2 or JSON document (JSON is YAML) into plain data with positions.
 * Refused: invalid UTF-8, several documents, directives, tags, duplicate or prototype keys, NaN and infinities,
 * unsafe integers, lone surrogates, more than 16 aliases, and whatever is over {@link DOCUMENT_LIMITS}.
 */
export function parseSourceDocument(file: string, bytes: Uint8Array): Checked<SourceDocument> {
  if (bytes.byteLength > DOCUMENT_LIMITS.bytes) {
    return refusal(file, `the file is larger than ${DOCUMENT_LIMITS.bytes} bytes`);
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return refusal(file, 'the file is not valid UTF-8');
  }
  const json = readJsonDocument(file, text, DOCUMENT_LIMITS);
  if (json !== undefined) return { ok: true, value: json };
  try {
    return readText(file, text);
  } catch (error) {
    // Only the depth of the parser's own recursion gets here; a hostile file must be a finding, not a crash.
    return refusal(file, `the document cannot be read: ${error instanceof Error ? error.message : 'unknown reason'}`);
  }
}

function refusal(file: string, message: string): Checked<never> {
  return { ok: false, problems: [{ code: 'ERR_POLICY_SYNTAX' satisfies PolicyProblemCode, message, path: '', file }] };
}

/** Reads any document, JSON included; exported for the test that holds the quick reader to it. */
export function readText(file: string, text: string): Checked<SourceDocument> {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    version: '1.2',
    schema: 'core',
    strict: true,
    stringKeys: true,
    // Checked below: the library compares every pair of keys, which a large map turns into minutes.
    uniqueKeys: false,
    merge: false,
    resolveKnownTags: false,
    prettyErrors: false,
    // Not `silent`: that would also drop everything after the first of several documents without a word.
    logLevel: 'error',
  });
  const problems: Problem[] = [];
  const report = (offset: number, path: string, message: string): void => {
    const { line, col } = lines.linePos(offset);
    problems.push({ code: 'ERR_POLICY_SYNTAX' satisfies PolicyProblemCode, message, path, file, line, column: col });
  };
  // A %YAML 1.1 directive would change what `yes` and `on` mean.
  if (document.directives.yaml.explicit === true) report(0, '', 'YAML directives are not allowed');
  for (const error of [...document.errors, ...document.warnings]) {
    report(error.pos[0], '', firstLine(error.message));
  }
  if (problems.length > 0) return { ok: false, problems };
  if (document.contents === null) return refusal(file, 'the document is empty');

  const positions = new Map<string, Position>();
  const keys = new Map<string, Position>();
  let nodes = 0;
  let aliases = 0;
  let overflowed = false;

  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return [line, col];
  };

  const visit = (written: Node | null, path: string, depth: number): Json => {
    let node = written;
    const offset = (written as ParsedNode | null)?.range?.[0] ?? 0;
    if (overflowed) return null;
    nodes += 1;
    if (depth > DOCUMENT_LIMITS.depth || nodes > DOCUMENT_LIMITS.nodes) {
      overflowed = true;
      report(offset, path, 'the document is nested too deeply or has too many values');
      return null;
    }
    positions.set(path, at(offset));
    if (isAlias(node)) {
      aliases += 1;
      if (aliases > DOCUMENT_LIMITS.aliases) {
        overflowed = true;
        report(offset, path, `more than ${DOCUMENT_LIMITS.aliases} aliases`);
        return null;
      }
      const target = node.resolve(document);
      if (target === undefined) {
        report(offset, path, `there is no anchor for the alias ${JSON.stringify(node.source)}`);
        return null;
      }
      node = target;
    }
    if (node === null) return null;
    if (typeof node.tag === 'string') report(offset, path, `the tag ${node.tag} is not allowed`);
    if (isMap<{ value: unknown }, Node | null>(node)) {
      const members: Record<string, Json> = {};
      for (const pair of node.items) {
        const name = String(pair.key.value);
        const keyOffset = (pair.key as unknown as ParsedNode).range[0];
        const memberPath = childPath(path, name);
        if (Object.hasOwn(members, name)) {
          report(keyOffset, memberPath, `duplicate key ${JSON.stringify(name)}`);
          continue;
        }
        if (PROTOTYPE_KEYS.has(name)) {
          report(keyOffset, memberPath, `the key ${JSON.stringify(name)} is not allowed`);
          continue;
        }
        keys.set(memberPath, at(keyOffset));
        members[name] = visit(pair.value, memberPath, depth + 1);
      }
      return members;
    }
    if (isSeq<Node | null>(node)) {
      return node.items.map((item, index) => visit(item, childPath(path, index), depth + 1));
    }
    if (isScalar(node)) {
      const wrong = scalarProblem(node.value);
      if (wrong !== undefined) report(offset, path, wrong);
      return wrong === undefined ? (node.value as Json) : null;
    }
    report(offset, path, 'this kind of node is not allowed');
    return null;
  };

  const value = visit(document.contents, '', 0);
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value: { file, value, positions, keys } };
}

function scalarProblem(value: unknown): string | undefined {
  if (typeof value === 'string') return value.isWellFormed() ? undefined : 'the text has a lone surrogate';
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) return 'the number is not finite';
    return Number.isInteger(value) && !Number.isSafeInteger(value) ? 'the integer is not exact' : undefined;
  }
  return typeof value === 'boolean' || value === null ? undefined : 'this kind of value is not allowed';
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0] ?? message;
}
