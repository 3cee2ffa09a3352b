import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { policyJsonSchema } from '@portcullis/policy';
import { type BuiltBundle, buildBundle } from '@portcullis/policy/bundle';
import type { Checked, Problem } from '@portcullis/policy/model';
import { PortcullisError } from '@portcullis/runtime';
import type { Command } from 'commander';
import { inspectBundle } from '../bundle/inspect.js';
import { readBundleFile } from '../bundle/load-engine.js';
import { readSource } from '../bundle/read-source.js';
import { usageFault } from '../faults.js';
import { inFile, reportProblems } from '../problems.js';
import { printJson, type Shell } from '../shell.js';
import { readSubjects } from '../testing/subject.js';
import { examples } from './arguments.js';

interface ValidateFlags {
  readonly json: boolean;
  readonly schema: boolean;
}

/** What is known of something valid. `policyVersion` and `sha256` are absent for a pack, which is no bundle yet. */
interface Valid {
  readonly policyCount: number;
  readonly policyVersion?: string;
  readonly sha256?: string;
}

/** Adds `validate`. */
export function addValidateVerb(program: Command, shell: Shell): void {
  program
    .command('validate')
    .description('check a policy directory, a pack or a bundle, and print every problem with its place')
    .argument('[PATH]', 'a directory with a bundle.yaml or a pack.yaml, or a bundle')
    .option('--schema', 'print the JSON Schema of a policy, for editors', false)
    .option('--json', 'print JSON', false)
    .addHelpText(
      'after',
      examples(
        ['check before a commit; exit code 3 when something is wrong', 'portcullis validate policies'],
        ['completion in an editor', 'portcullis validate --schema > policy.schema.json'],
      ),
    )
    .action(async (path: string | undefined, flags: ValidateFlags) => {
      if (flags.schema) {
        printJson(shell, policyJsonSchema());
        return;
      }
      if (path === undefined) throw usageFault('PATH is missing: expected a policy directory, a pack or a bundle');
      const valid = await validatePath(path);
      if (!valid.ok) {
        const directory = (await stat(path)).isDirectory() ? path : dirname(path);
        reportProblems(shell, valid.problems, { json: flags.json, what: path, directory });
        return;
      }
      const { policyCount, policyVersion, sha256 } = valid.value;
      if (flags.json) printJson(shell, { ok: true, policy_version: policyVersion, policy_count: policyCount, sha256 });
      else {
        const version = policyVersion === undefined ? '' : `, version ${policyVersion}`;
        shell.terminal.say(`${path}: ${policyCount} policies${version}: valid`, 'good');
      }
    });
}

async function validatePath(path: string): Promise<Checked<Valid>> {
  const found = await stat(path).catch((cause: unknown) => {
    const message = `${path} cannot be read: expected a directory with a bundle.yaml, or a bundle`;
    throw new PortcullisError('ERR_CLI_SOURCE', 'invalid', message, { cause });
  });
  if (!found.isDirectory()) {
    const report = await inspectBundle(await readBundleFile(path));
    if (!report.ok) return { ok: false, problems: inFile(basename(path), report.problems) };
    const { policy_count: policyCount, policy_version: policyVersion, sha256 } = report.value;
    return { ok: true, value: { policyCount, policyVersion, sha256 } };
  }
  return validateFiles(await readSource(path));
}

/** Policies, modules and tests; a folder that is to be released is packed too, since only that shows every problem. */
async function validateFiles(files: ReadonlyMap<string, Uint8Array>): Promise<Checked<Valid>> {
  const subjects = await readSubjects(files);
  const isPack = files.has('pack.yaml');
  const built: Checked<BuiltBundle> | undefined = isPack ? undefined : await buildBundle(files);
  const problems = [
    ...(subjects.ok ? [] : subjects.problems),
    ...(built === undefined || built.ok ? [] : built.problems),
  ];
  if (problems.length > 0 || !subjects.ok) return { ok: false, problems: distinct(problems) };
  if (built?.ok === true) {
    const { policyCount, policyVersion, sha256 } = built.value;
    return { ok: true, value: { policyCount, policyVersion, sha256 } };
  }
  return { ok: true, value: { policyCount: Math.max(0, ...subjects.value.map(({ engine }) => engine.policyCount)) } };
}

/** Both ways of reading find most problems. */
function distinct(problems: readonly Problem[]): readonly Problem[] {
  return [...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values()];
}
