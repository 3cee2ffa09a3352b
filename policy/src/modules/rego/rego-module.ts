import { createFindings } from '../../dsl/findings.js';
import type { ModuleIr } from '../../engine/ir.js';
import type { Checked } from '../../model/problem.js';
import type { JsonObject } from '../../model/request.js';
import { MODULE_LIMITS } from '../limits.js';
import { bytesOf, type ModuleReport, readJson, report } from '../module-files.js';
import { meterProgram } from './meter-program.js';
import type { OpaLibrary } from './opa-library.js';
import { REGO_BUILTINS } from './rego-builtins.js';
import { REGO_PROGRAM } from './rego-result.js';
import { createSandbox, type Sandbox } from './rego-sandbox.js';
import { webAssembly } from './web-assembly.js';

/** The file with the program's data. */
export const REGO_DATA = 'data.json';

/** A module in Rego that passed every check. */
export interface RegoModule {
  readonly sandbox: Sandbox;
  readonly entrypoint: string;
}

/** Reads, meters, compiles and tries the program of a module. All problems are returned. */
export async function readRegoModule(library: OpaLibrary, ir: ModuleIr): Promise<Checked<RegoModule>> {
  const to: ModuleReport = { ir, findings: createFindings() };
  const { entrypoint } = ir;
  for (const [name] of ir.files) {
    if (name === REGO_PROGRAM || name === REGO_DATA) continue;
    const message = `a module in Rego has ${REGO_PROGRAM} and ${REGO_DATA}, and no other file`;
    report(to, name, 'ERR_BUNDLE_FILE_UNEXPECTED', message);
  }
  const bytes = bytesOf(ir, REGO_PROGRAM);
  if (bytes === undefined) {
    const build = `opa build -t wasm -e ${entrypoint ?? 'portcullis/decision'}`;
    report(
      to,
      REGO_PROGRAM,
      'ERR_MODULE_FILE',
      `the file is missing: make it with ${build}, and take it out of the bundle`,
    );
  } else if (bytes.byteLength > MODULE_LIMITS.rego.programBytes) {
    const message = `the program is larger than ${MODULE_LIMITS.rego.programBytes} bytes`;
    report(to, REGO_PROGRAM, 'ERR_MODULE_TOO_LARGE', message);
  }
  const data = readJson(to, REGO_DATA, MODULE_LIMITS.rego.dataBytes, {});
  if (data !== undefined && (typeof data !== 'object' || data === null || Array.isArray(data))) {
    report(to, REGO_DATA, 'ERR_MODULE_FILE', 'expected an object: what the program knows as `data`');
  }
  const sandbox =
    to.findings.count > 0 || bytes === undefined ? undefined : await load(library, to, bytes, data as JsonObject);
  if (sandbox !== undefined) checkProgram(to, sandbox);
  if (to.findings.count > 0 || sandbox === undefined) return { ok: false, problems: to.findings.sorted() };
  return { ok: true, value: { sandbox, entrypoint: entrypoint ?? '' } };
}

async function load(
  library: OpaLibrary,
  to: ModuleReport,
  bytes: Uint8Array,
  data: JsonObject,
): Promise<Sandbox | undefined> {
  try {
    const metered = meterProgram(bytes);
    // Off the event loop: a program may be megabytes.
    const program = await webAssembly().compile(metered.bytes);
    return createSandbox({ library, program, memoryPages: metered.memoryPages, data, builtins: REGO_BUILTINS });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    report(to, REGO_PROGRAM, 'ERR_MODULE_PROGRAM', `the program cannot be loaded: ${reason}`);
    return undefined;
  }
}

function checkProgram(to: ModuleReport, sandbox: Sandbox): void {
  const { entrypoint } = to.ir;
  if (entrypoint === undefined || !sandbox.entrypoints.includes(entrypoint)) {
    const known = sandbox.entrypoints.map((name) => `"${name}"`).join(', ');
    const message = `the program has no entrypoint "${entrypoint ?? ''}" (it has ${known || 'none'}); build it with opa build -t wasm -e ${entrypoint ?? ''}`;
    report(to, REGO_PROGRAM, 'ERR_MODULE_PROGRAM', message);
  }
  const missing = sandbox.builtins.filter((name) => !Object.hasOwn(REGO_BUILTINS, name));
  for (const name of missing) {
    const message = `the policy calls "${name}", which is not available: a module is a pure function of the request, with no network, no clock and no chance`;
    report(to, REGO_PROGRAM, 'ERR_MODULE_PROGRAM', message);
  }
}
