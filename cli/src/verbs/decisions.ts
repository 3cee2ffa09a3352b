import { readRecord } from '@portcullis/policy/evidence';
import { type Command, Option } from 'commander';
import { type DecisionFilter, seenDecision } from '../audit/decision-view.js';
import { LOOKED_THROUGH, tailDistributor } from '../audit/tail-distributor.js';
import { tailRecords } from '../audit/tail-records.js';
import { usageFault } from '../faults.js';
import { type Shell, whileRead } from '../shell.js';
import { examples, wholeNumber } from './arguments.js';
import { type EvidenceFlags, oneSource, withEvidence, withEvidenceFlags } from './audit-flags.js';

interface TailFlags extends EvidenceFlags, DecisionFilter {
  readonly follow: boolean;
  readonly lines: number;
  readonly json: boolean;
}

const POLL_MS = 250;
/** A distributor is asked less often than a file is looked at. */
const DISTRIBUTOR_POLL_MS = 1_000;

/** Adds `decisions tail`. */
export function addDecisionsVerbs(program: Command, shell: Shell): void {
  const decisions = program.command('decisions').description('watch what is being decided');
  withEvidenceFlags(
    decisions
      .command('tail')
      .description('show decisions as they are made: when, effect, who, what, why, how long and which')
      .argument('[PATH]', 'the audit folder of a PDP; a distributor is asked without it'),
  )
    .option('--no-follow', 'end with the newest ones instead of going on until interrupted')
    .option(
      '--lines <COUNT>',
      `how many to begin with, among the newest ${LOOKED_THROUGH} records`,
      wholeNumber(0, LOOKED_THROUGH),
      10,
    )
    .option('--decision <ID>', 'this one, as the error of an agent names it')
    .option('--tenant <TENANT>', 'of this tenant')
    .option('--agent <AGENT>', 'of this agent')
    .addOption(new Option('--effect <EFFECT>', 'of this effect').choices(['allow', 'deny', 'hold']))
    .option('--server <SERVER>', 'towards this MCP server, or this other agent')
    .option('--tool <TOOL>', 'of this tool, or this skill of another agent')
    .option('--host <HOST>', 'to this host, of connections')
    .option('--model <MODEL>', 'of this model')
    .option('--operation <OPERATION>', 'of this operation, such as tools/call')
    .option('--code <CODE>', 'that name this deny code')
    .option('--policy <POLICY>', 'that this policy contributed to: its name, or <layer>/<name>')
    .option('--json', 'print the records as they are, one per line', false)
    .addHelpText(
      'after',
      examples(
        ['what an agent is denied, live', 'portcullis decisions tail audit --agent analyst --effect deny'],
        [
          'the last hundred about one tool',
          'portcullis decisions tail audit --tool delete_file --lines 100 --no-follow',
        ],
        ['who connects where, or tried to', 'portcullis decisions tail audit --host api.example.com'],
        ['what an agent was told', 'portcullis decisions tail audit --decision 4f0c2a9e-… --no-follow'],
      ),
    )
    .action(async (path: string | undefined, flags: TailFlags) => {
      oneSource(path, flags);
      if (flags.writer !== undefined) throw usageFault('--writer: a tail is of all chains; filter by tenant or agent');
      if (path === undefined) return fromDistributor(shell, flags);
      await fromFiles(shell, path, flags);
    });
}

/** Prints a line if it is about a decision that fits. */
function shower(shell: Shell, flags: TailFlags): (line: string) => void {
  return (line) => {
    const seen = seenDecision(line, flags);
    if (seen !== undefined) shell.terminal.data(flags.json ? line : seen.text);
  };
}

/** What was there when it began is looked through for the newest that fit; what comes is shown as it comes. */
async function fromFiles(shell: Shell, path: string, flags: TailFlags): Promise<void> {
  const show = shower(shell, flags);
  const { follow, lines } = flags;
  const options = { lines: LOOKED_THROUGH, pollMs: POLL_MS, signal: whileRead(shell) };
  const fitting: string[] = [];
  let last = 0;
  for await (const line of tailRecords(path, { ...options, follow: false })) {
    last = Math.max(last, seqOf(line));
    if (seenDecision(line, flags) === undefined) continue;
    fitting.push(line);
    if (fitting.length > lines) fitting.shift();
  }
  for (const line of fitting) show(line);
  if (!follow) return;
  // Looked at once more from before its end: what was added in between would be missed otherwise.
  let isNew = false;
  for await (const line of tailRecords(path, { ...options, follow })) {
    isNew ||= seqOf(line) > last;
    if (isNew) show(line);
  }
}

/** 0 for a line that is no record. */
function seqOf(line: string): number {
  const reading = readRecord(line);
  return reading.ok ? reading.link.seq : 0;
}

async function fromDistributor(shell: Shell, flags: TailFlags): Promise<void> {
  const { tenant, agent, effect, host, model, decision, follow, lines } = flags;
  const wanted = Object.entries({ tenant, agent, effect, host, model, decision_id: decision }).filter(
    (pair): pair is [string, string] => pair[1] !== undefined,
  );
  const show = shower(shell, flags);
  const fits = (line: string): boolean => seenDecision(line, flags) !== undefined;
  await withEvidence(shell, flags, async (evidence) => {
    const options = { follow, lines, pollMs: DISTRIBUTOR_POLL_MS, signal: whileRead(shell) };
    for await (const { line } of tailDistributor(evidence, Object.fromEntries(wanted), options, fits)) show(line);
  });
}
