import { readFile } from 'node:fs/promises';
import type { Explanation } from '@portcullis/policy';
import type { CanonicalRequest, Checked, Verdict } from '@portcullis/policy/model';
import { requestDigestHex } from '@portcullis/proto';
import { PortcullisError } from '@portcullis/runtime';
import type { Command } from 'commander';
import { type LoadedEngine, loadEngine } from '../bundle/load-engine.js';
import { readRequest } from '../bundle/read-request.js';
import { placedIn, reportProblems } from '../problems.js';
import { printJson, printLine, type Shell } from '../shell.js';
import { examples } from './arguments.js';
import { explanationLines } from './explanation-text.js';

interface EvalFlags {
  readonly request: string;
  readonly json: boolean;
}

async function requestBytes(shell: Shell, source: string): Promise<Uint8Array> {
  if (source === '-') return shell.terminal.input(shell.signal);
  return readFile(source).then(
    (bytes) => new Uint8Array(bytes),
    (cause: unknown) => {
      throw new PortcullisError(
        'ERR_CLI_SOURCE',
        'invalid',
        `--request: ${source} cannot be read: expected a JSON file, or - for stdin`,
        { cause },
      );
    },
  );
}

async function prepare(
  shell: Shell,
  path: string,
  source: string,
): Promise<Checked<LoadedEngine & { readonly request: CanonicalRequest }>> {
  const request = readRequest(await requestBytes(shell, source), source === '-' ? '<stdin>' : source);
  if (!request.ok) return request;
  const loaded = await loadEngine(path);
  if (loaded.ok) return { ok: true, value: { ...loaded.value, request: request.value } };
  return { ok: false, problems: placedIn(path, loaded.problems) };
}

function evalCommand(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .argument('<PATH>', 'a policy directory, or a bundle')
    .requiredOption('--request <FILE>', 'the canonical request as JSON, or - for stdin')
    .option('--json', 'print JSON', false);
}

function printVerdict(shell: Shell, verdict: Verdict): void {
  shell.terminal.data(verdict.effect);
  for (const { code, message, path, reason_code } of verdict.deny) {
    shell.terminal.data(`  ${reason_code ?? code} ${path}: ${message}`);
  }
  for (const { policy, layer, effect } of verdict.matched)
    shell.terminal.data(`  matched ${layer}/${policy} (${effect})`);
  for (const { policy, layer, path, message } of verdict.errors) {
    shell.terminal.data(`  error in ${layer}/${policy} at ${path}: ${message}`);
  }
}

/** Adds `eval` and `explain`. */
export function addEvalVerbs(program: Command, shell: Shell): void {
  evalCommand(program, 'eval', 'decide one request with the engine that PDPs run, in this process')
    .addHelpText(
      'after',
      examples(
        ['what would happen', 'portcullis eval policies --request request.json'],
        [
          'in a script: prints allow, deny or hold under .verdict.effect',
          'portcullis eval bundle.tar.gz --request - --json < request.json',
        ],
      ),
    )
    .action(async (path: string, flags: EvalFlags) => {
      const ready = await prepare(shell, path, flags.request);
      if (!ready.ok) {
        reportProblems(shell, ready.problems, { json: flags.json, what: 'nothing was decided' });
        return;
      }
      const { engine, sha256, request } = ready.value;
      const verdict = engine.evaluate(request);
      if (!flags.json) {
        printVerdict(shell, verdict);
        return;
      }
      const digests = {
        policy_version: engine.policyVersion,
        bundle_digest: sha256,
        request_digest: requestDigestHex(request),
      };
      printJson(shell, { verdict, ...digests });
    });

  evalCommand(
    program,
    'explain',
    'say which rules were looked at for a request, in order, and why each matched or did not',
  )
    .addHelpText('after', examples(['why was this denied', 'portcullis explain policies --request request.json']))
    .action(async (path: string, flags: EvalFlags) => {
      const ready = await prepare(shell, path, flags.request);
      if (!ready.ok) {
        reportProblems(shell, ready.problems, { json: flags.json, what: 'nothing was explained' });
        return;
      }
      const explanation: Explanation = ready.value.engine.explain(ready.value.request);
      if (flags.json) printJson(shell, explanation);
      else for (const line of explanationLines(explanation)) printLine(shell, line);
    });
}
