import type { Excerpt, Findings } from '../dsl/findings.js';
import type { PolicyProblemCode } from '../dsl/problem-codes.js';
import { type Position, parseSourceDocument } from '../dsl/source-document.js';
import type { ModuleIr } from '../engine/ir.js';
import type { Json } from '../model/request.js';

/** The file of a module as messages name it. */
export function shownName(ir: ModuleIr, file: string): string {
  return `${ir.folder}/${file}`;
}

/** A place inside a module's file, as findings take it. */
export function placeIn(ir: ModuleIr, file: string, position: Position = [1, 1]): Excerpt {
  return { file: shownName(ir, file), base: '', at: () => position };
}

/** Where a module's findings go. */
export interface ModuleReport {
  readonly ir: ModuleIr;
  readonly findings: Findings;
}

/** Reports a finding about one file of a module. */
export function report(
  { ir, findings }: ModuleReport,
  file: string,
  code: PolicyProblemCode,
  message: string,
  position?: Position,
): void {
  findings.add(placeIn(ir, file, position), '', code, message);
}

/** The bytes of a file; nothing when the module has no such file. */
export function bytesOf(ir: ModuleIr, file: string): Uint8Array | undefined {
  return ir.files.find(([name]) => name === file)?.[1];
}

/** The text of a file within a cap. Reports what is wrong and then returns nothing. */
export function readText(to: ModuleReport, file: string, maxBytes: number): string | undefined {
  const bytes = bytesOf(to.ir, file) ?? new Uint8Array();
  if (bytes.byteLength > maxBytes) {
    report(to, file, 'ERR_MODULE_TOO_LARGE', `the file is larger than ${maxBytes} bytes`);
    return undefined;
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    report(to, file, 'ERR_MODULE_FILE', 'the file is not valid UTF-8');
    return undefined;
  }
}

/** The value of a JSON file within a cap, or `absent` when there is no such file. Reports what is wrong. */
export function readJson(to: ModuleReport, file: string, maxBytes: number, absent: Json): Json | undefined {
  const bytes = bytesOf(to.ir, file);
  if (bytes === undefined) return absent;
  if (bytes.byteLength > maxBytes) {
    report(to, file, 'ERR_MODULE_TOO_LARGE', `the file is larger than ${maxBytes} bytes`);
    return undefined;
  }
  // The reader of policy text refuses duplicate and prototype keys, and says where.
  const document = parseSourceDocument(shownName(to.ir, file), bytes);
  if (document.ok) return document.value.value;
  to.findings.addAll(document.problems);
  return undefined;
}
