import type { ReleasePointer } from '@portcullis/policy/trust';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { replaceFile } from '../files/private-files.js';
import { printableLines } from '../printable.js';
import { reportProblems } from '../problems.js';
import type { NodeProgress } from '../release/converge.js';
import { encodeDraft } from '../release/draft-file.js';
import type { PublishResult, ReleaseTimings } from '../release/result.js';
import { describeMissing, type SignatureCount } from '../release/signatures.js';
import { printJson, type Shell } from '../shell.js';

const EXIT_OF_OUTCOME = {
  released: EXIT.ok,
  not_converged: EXIT.notConverged,
  invalid: EXIT.policyInvalid,
  needs_signatures: EXIT.failure,
  refused: EXIT.refused,
} as const satisfies Record<PublishResult['outcome'], ExitCode>;

/** Tells on stderr whenever the PDPs' states have changed. */
export function progressPrinter(shell: Shell): (nodes: readonly NodeProgress[]) => void {
  let last = '';
  return (nodes) => {
    const loaded = nodes.filter((node) => node.state === 'loaded').length;
    const others = nodes.filter((node) => node.state !== 'loaded').map((node) => `${node.node} ${node.state}`);
    const line = `loaded by ${loaded} of ${nodes.length} PDPs${others.length === 0 ? '' : `; ${others.join(', ')}`}`;
    if (line !== last) shell.terminal.say(line, 'dim');
    last = line;
  };
}

function timingLine(timings: ReleaseTimings): string {
  const { build_ms, upload_ms, release_ms, enforced_ms, total_ms } = timings;
  const enforced = enforced_ms === undefined ? '' : `, enforced after ${enforced_ms} ms`;
  return `build ${build_ms} ms, upload ${upload_ms} ms, release ${release_ms} ms${enforced}, total ${total_ms} ms`;
}

/** What is about to be signed, as it is; the terminal shows all of it, whoever wrote it. */
export function pointerText(pointer: ReleasePointer): string {
  return printableLines(JSON.stringify(pointer, null, 2));
}

/** Where a draft goes when its signatures do not suffice. */
export function draftFileName(env: string, channel: string, seq: number): string {
  return `release-${env}-${channel}-${seq}.draft.json`;
}

/** Says who must still sign, and how. */
export function reportMissing(shell: Shell, file: string, missing: readonly SignatureCount[]): void {
  shell.terminal.say('not released yet: it needs more signatures', 'warning');
  for (const count of missing) shell.terminal.say(`  ${describeMissing(count)}`, 'warning');
  shell.terminal.say(`send ${file} to them; each runs: portcullis release sign ${file} --keys DIR`, 'warning');
  shell.terminal.say(`then anyone who may publish runs: portcullis release submit ${file}`, 'warning');
}

function jsonOf(result: PublishResult, draftFile: string | undefined): unknown {
  if (result.outcome !== 'needs_signatures') return result;
  return { outcome: result.outcome, draft_file: draftFile, pointer: result.draft.pointer, missing: result.missing };
}

/** Prints how a publish, a rollback or a submit ended and sets the exit code. Writes the draft when one is left. */
export async function reportPublish(
  shell: Shell,
  result: PublishResult,
  options: {
    readonly json: boolean;
    readonly what: string;
    readonly draftFile?: string;
    /** The policy directory, that problems are relative to. */
    readonly directory?: string;
  },
): Promise<void> {
  let draftFile: string | undefined;
  if (result.outcome === 'needs_signatures') {
    const { env, channel, pointer } = result.draft;
    draftFile = options.draftFile ?? draftFileName(env, channel, pointer.seq);
    await replaceFile(draftFile, encodeDraft(result.draft), 0o644);
  }
  if (options.json && result.outcome !== 'invalid') printJson(shell, jsonOf(result, draftFile));
  shell.exit(EXIT_OF_OUTCOME[result.outcome]);

  switch (result.outcome) {
    case 'invalid':
      reportProblems(shell, result.problems, options);
      return;
    case 'needs_signatures':
      reportMissing(shell, draftFile ?? '', result.missing);
      return;
    case 'refused': {
      const { code, message, status } = result.refusal;
      shell.terminal.say(`the distributor refused: ${message} (${code}, HTTP ${status})`, 'bad');
      return;
    }
    case 'released':
    case 'not_converged': {
      const { pointer, timings, convergence } = result;
      if (!options.json)
        shell.terminal.data(
          `${pointer.env}/${pointer.channel} seq ${pointer.seq} ${pointer.stable.policy_version} sha256:${pointer.stable.sha256}`,
        );
      shell.terminal.say(timingLine(timings), 'dim');
      if (result.outcome === 'released') {
        shell.terminal.say(
          convergence === undefined ? 'released' : `released and loaded by ${convergence.nodes.length} PDPs`,
          'good',
        );
        return;
      }
      shell.terminal.say(
        convergence?.nodes.length === 0
          ? 'released, but no PDP of this channel has reported: is one running, and does it reach the distributor?'
          : `released, but not loaded everywhere after ${convergence?.waited_ms ?? 0} ms; see: portcullis release status`,
        'bad',
      );
      for (const node of convergence?.nodes ?? []) {
        if (node.state !== 'loaded')
          shell.terminal.say(
            `  ${node.node}: ${node.state} at seq ${node.release_seq}${node.reason === undefined ? '' : `: ${node.reason}`}`,
            'bad',
          );
      }
      return;
    }
  }
}
