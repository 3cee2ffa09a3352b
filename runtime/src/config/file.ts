import { readFileSync } from 'node:fs';
import { parseStrictJson } from '../json/parse.js';
import type { ConfigProblem } from './problem.js';
import { loadYaml } from './yaml.js';

/** Larger configuration files are refused. */
const MAX_FILE_BYTES = 1024 * 1024;

/** What a file says, or why it says nothing. */
export type ConfigFile =
  | { readonly ok: true; readonly document: unknown }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/** Reads a YAML 1.2 (hence also JSON) file; duplicate keys and unknown tags are problems, with their line. */
export function readConfigFile(file: string): ConfigFile {
  const refuse = (message: string): ConfigFile => ({
    ok: false,
    problems: [{ code: 'ERR_CONFIG_FILE', message, path: '', origin: file }],
  });
  let text: string;
  try {
    const bytes = readFileSync(file);
    const json = parseStrictJson(bytes, { maxBytes: MAX_FILE_BYTES });
    if (json.ok) return { ok: true, document: json.value };
    if (bytes.length > MAX_FILE_BYTES) return refuse('file is larger than 1 MiB');
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error: unknown) {
    return refuse(`cannot be read: ${error instanceof Error ? error.message : 'unknown reason'}`);
  }
  const { LineCounter, parseDocument } = loadYaml();
  const lines = new LineCounter();
  const document = parseDocument(text, { version: '1.2', uniqueKeys: true, lineCounter: lines, prettyErrors: false });
  const findings = [...document.errors, ...document.warnings];
  if (findings.length > 0) {
    return {
      ok: false,
      problems: findings.map((finding) => {
        const { line, col } = lines.linePos(finding.pos[0]);
        return { code: 'ERR_CONFIG_FILE', message: finding.message, path: '', origin: `${file}:${line}:${col}` };
      }),
    };
  }
  try {
    return { ok: true, document: (document.toJS() as unknown) ?? {} };
  } catch (error: unknown) {
    return refuse(error instanceof Error ? error.message : 'cannot be read');
  }
}
