import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { parseSourceDocument } from '@portcullis/policy';
import { formatPolicyFile } from '@portcullis/policy/analysis';
import type { Checked, Json, Problem } from '@portcullis/policy/model';
import { PortcullisError } from '@portcullis/runtime';
import { readSource } from '../bundle/read-source.js';

/** A file of policies, as it is and as it ought to be written. */
export interface FormattedFile {
  /** Where it lies, from where the command runs. */
  readonly path: string;
  readonly before: string;
  readonly after: string;
  /** The permissions that it has and keeps. */
  readonly mode: number;
}

const PERMISSIONS = 0o777;
const POLICY_FILE = /\.(yaml|yml|json)$/;
/** Files with a layout of their own. */
const OTHERS = /(^|\/)(bundle\.yaml|pack\.yaml|tests\/.*)$/;

/**
 * Formats the policies of a file, or of every file of policies below a directory. Manifests, tests and whatever does not
 * hold policies are left alone. All problems are returned.
 * @throws PortcullisError `ERR_CLI_SOURCE` when it cannot be read
 */
export async function formatFiles(path: string): Promise<Checked<readonly FormattedFile[]>> {
  const found = await stat(path).catch((cause: unknown) => {
    const message = `${path} does not exist: expected a policy directory or a policy file`;
    throw new PortcullisError('ERR_CLI_SOURCE', 'invalid', message, { cause });
  });
  if (!found.isDirectory()) {
    const bytes = new Uint8Array(await readFile(path));
    return formatAll(new Map([[basename(path), bytes]]), dirname(path), () => true);
  }
  return formatAll(await readSource(path), path, holdsPolicies);
}

async function formatAll(
  files: ReadonlyMap<string, Uint8Array>,
  directory: string,
  isWanted: (file: string, bytes: Uint8Array) => boolean,
): Promise<Checked<readonly FormattedFile[]>> {
  const problems: Problem[] = [];
  const formatted: FormattedFile[] = [];
  for (const [file, bytes] of files) {
    if (!isWanted(file, bytes)) continue;
    const result = formatPolicyFile(file, bytes);
    if (!result.ok) {
      problems.push(...result.problems);
      continue;
    }
    const path = join(directory, file);
    const { mode } = await stat(path);
    formatted.push({ path, before: new TextDecoder().decode(bytes), after: result.value, mode: mode & PERMISSIONS });
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value: formatted };
}

/** Whether a file of a directory is one of policies. One that cannot be read is, so that it is not passed over in silence. */
function holdsPolicies(file: string, bytes: Uint8Array): boolean {
  if (!POLICY_FILE.test(file) || OTHERS.test(file)) return false;
  const parsed = parseSourceDocument(file, bytes);
  if (!parsed.ok) return true;
  const { value } = parsed.value;
  const policies: readonly Json[] = Array.isArray(value) ? (value as readonly Json[]) : [value];
  return policies.length > 0 && policies.every(looksLikePolicy);
}

function looksLikePolicy(value: Json): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const has = (name: string): boolean => Object.hasOwn(value, name);
  return has('name') && (has('when') || has('config') || (has('type') && has('action')));
}
