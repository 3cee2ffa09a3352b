import { readRecord } from '@portcullis/policy/evidence';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { createRecordPrinter, EXPORT_FORMATS, type ExportFormat, exportRecords } from '../audit/export-records.js';
import { recordText } from '../audit/record-text.js';
import { LOOKED_THROUGH, tailDistributor } from '../audit/tail-distributor.js';
import { tailRecords } from '../audit/tail-records.js';
import { type VerifyResult, verifyChain, verifyLines } from '../audit/verify-chain.js';
import { EXIT } from '../exit-codes.js';
import { usageFault } from '../faults.js';
import { printJson, type Shell, whileRead } from '../shell.js';
import { collect, examples, wholeNumber } from './arguments.js';
import { addDistributorAudit } from './audit-distributor.js';
import { type EvidenceFlags, oneSource, withEvidence, withEvidenceFlags, writerOf } from './audit-flags.js';

interface VerifyFlags extends EvidenceFlags {
  readonly checkpoint?: readonly string[];
  readonly key?: string;
  readonly allowErased: boolean;
  readonly json: boolean;
}

interface ExportFlags extends EvidenceFlags {
  readonly from?: number;
  readonly to?: number;
  readonly tenant?: string;
  readonly effect?: string;
  readonly decision?: string;
  readonly host?: string;
  readonly model?: string;
  readonly format: ExportFormat;
}

interface TailFlags extends EvidenceFlags {
  readonly tenant?: string;
  readonly agent?: string;
  readonly effect?: string;
  readonly host?: string;
  readonly model?: string;
  readonly follow: boolean;
  readonly lines: number;
  readonly json: boolean;
}

const POLL_MS = 250;
const PATH = 'the audit folder of a PDP, one of its segments, or an exported chain; a distributor is asked without it';
/** A distributor is asked less often than a file is looked at. */
const DISTRIBUTOR_POLL_MS = 1_000;

/** Adds `audit verify`, `audit export` and `audit tail`. */
export function addAuditVerbs(program: Command, shell: Shell): void {
  const audit = program.command('audit').description('prove, export and follow decision records');
  addVerify(audit, shell);
  addExport(audit, shell);
  addTail(audit, shell);
  addDistributorAudit(audit, shell);
}

function addVerify(audit: Command, shell: Shell): void {
  withEvidenceFlags(
    audit
      .command('verify')
      .description(
        'prove that no record was changed, removed, moved or added, and with a checkpoint that none was cut off',
      )
      .argument('[PATH]', PATH),
  )
    .option('--checkpoint <FILE>', 'a signed checkpoint, best one that was kept elsewhere; may be repeated', collect)
    .option('--key <FILE>', "the PDP's public key, checkpoint.vkey, as it was kept elsewhere")
    .option('--allow-erased', 'accept that records were erased, and count them; otherwise each is a finding', false)
    .option('--json', 'print JSON', false)
    .addHelpText(
      'after',
      examples(
        ['the chain by itself', 'portcullis audit verify /var/lib/portcullis/audit'],
        [
          'and that its end was not cut off',
          'portcullis audit verify audit --checkpoint kept/checkpoint --key kept/pdp-1.vkey',
        ],
      ),
    )
    .action(async (path: string | undefined, flags: VerifyFlags) => {
      oneSource(path, flags);
      if (flags.checkpoint !== undefined && flags.key === undefined) {
        throw usageFault(
          '--checkpoint needs --key FILE: a checkpoint proves nothing to one who cannot check its signature',
        );
      }
      const options = { checkpoints: flags.checkpoint ?? [], keyFile: flags.key, allowErased: flags.allowErased };
      const result =
        path === undefined
          ? await withEvidence(shell, flags, (evidence) => verifyLines(evidence.exportLines(writerOf(flags)), options))
          : await verifyChain(path, options);
      if (flags.json) printJson(shell, result);
      sayVerified(shell, result);
      if (!result.ok) shell.exit(EXIT.findings);
    });
}

function sayVerified(shell: Shell, result: VerifyResult): void {
  for (const { code, message, file, line } of result.findings) {
    const place = [file, line].filter((part) => part !== undefined).join(':');
    shell.terminal.say(`${place === '' ? '' : `${place}: `}${message} (${code})`, 'bad');
  }
  const { records, erased, first, last, findings, provenTo } = result;
  const range = last === undefined ? 'no records' : `${records + erased} records, ${first} to ${last.seq}`;
  if (!result.ok) {
    shell.terminal.say(`the chain is not whole: ${range}, ${findings.length} findings`, 'bad');
    return;
  }
  shell.terminal.say(`the chain is whole: ${range}`, 'good');
  if (erased > 0) {
    shell.terminal.say(`${erased} records were erased: where they stood is proven, what they said is gone`, 'warning');
  }
  if (first !== undefined && first > 1) {
    shell.terminal.say(
      `it is proven from record ${first} on; a checkpoint covers the ${first - 1} before it`,
      'warning',
    );
  }
  if (provenTo === 0) {
    shell.terminal.say(
      'no checkpoint was used: records may have been cut off its end, or all of it rewritten',
      'warning',
    );
  } else if (last !== undefined && provenTo < last.seq) {
    shell.terminal.say(
      `signed up to record ${provenTo}; the ${last.seq - provenTo} after it are not signed yet`,
      'warning',
    );
  } else {
    shell.terminal.say(`signed up to record ${provenTo}`, 'good');
  }
}

function addExport(audit: Command, shell: Shell): void {
  withEvidenceFlags(
    audit
      .command('export')
      .description('print decision records, checking the chain on the way')
      .argument('[PATH]', PATH),
  )
    .option('--from <TIME>', 'records of this time and later, as RFC 3339', instant)
    .option('--to <TIME>', 'records before this time, as RFC 3339', instant)
    .option('--tenant <TENANT>', 'records of this tenant')
    .addOption(new Option('--effect <EFFECT>', 'records of this effect').choices(['allow', 'deny', 'hold']))
    .option('--decision <ID>', 'the decision with this id, as the error of an agent names it, and what came of it')
    .option('--host <HOST>', 'records of connections to this host, refused ones included')
    .option('--model <MODEL>', 'records of calls of this model')
    .addOption(new Option('--format <FORMAT>', 'how to print').choices(EXPORT_FORMATS).default('jsonl'))
    .addHelpText(
      'after',
      examples(
        [
          'what a tenant was denied in November',
          'portcullis audit export audit --tenant acme --effect deny --from 2026-11-01T00:00:00Z --to 2026-12-01T00:00:00Z',
        ],
        [
          'which agents might reach a host, or were refused it',
          'portcullis audit export audit --host api.example.com --format csv',
        ],
        ['what an agent was told, and what is on record of it', 'portcullis audit export audit --decision 4f0c2a9e-…'],
        ['for a spreadsheet', 'portcullis audit export audit --format csv > decisions.csv'],
      ),
    )
    .action(async (path: string | undefined, flags: ExportFlags) => {
      oneSource(path, flags);
      if (path === undefined) return exportFromDistributor(shell, flags);
      const { format, ...filter } = flags;
      const report = await exportRecords(path, filter, format, (text) => shell.terminal.data(text));
      // A part of a chain may be exported: that it does not start at its beginning is nothing wrong.
      const findings = report.findings.filter(({ code }) => code !== 'START_MISSING');
      for (const { code, message } of findings) shell.terminal.say(`${message} (${code})`, 'bad');
      shell.terminal.say(`${report.exported} of ${report.records} records`, findings.length === 0 ? 'good' : 'bad');
      if (findings.length > 0) shell.exit(EXIT.findings);
    });
}

/** One chain as it is, which verifies; or the records of all chains that fit, newest first. */
async function exportFromDistributor(shell: Shell, flags: ExportFlags): Promise<void> {
  const { format, writer, from, to, tenant, effect, decision, host, model } = flags;
  const times = { from: timeText(from), to: timeText(to) };
  const filter = given({ tenant, effect, decision_id: decision, host, model, ...times });
  const print = (text: string): void => shell.terminal.data(text);
  await withEvidence(shell, flags, async (evidence) => {
    if (writer !== undefined) {
      if (format !== 'jsonl' || Object.keys(filter).length > 0) {
        throw usageFault('--writer: a chain is exported whole, as jsonl; leave out --format and the filters');
      }
      for await (const line of evidence.exportLines(writer)) print(line);
      return;
    }
    const printer = createRecordPrinter(format, print);
    let altered = 0;
    let after: string | null = null;
    do {
      const page = await evidence.records({ ...filter, limit: '200', ...(after === null ? {} : { after }) });
      for (const { line } of page.records) {
        const reading = readRecord(line);
        if (reading.ok) printer.record(reading.record, line);
        else altered += 1;
      }
      after = page.next;
    } while (after !== null);
    shell.terminal.say(`${printer.finish()} records`, 'good');
    if (altered === 0) return;
    shell.terminal.say(`${altered} records do not have the hash that they carry, and were left out`, 'bad');
    shell.exit(EXIT.findings);
  });
}

function timeText(at: number | undefined): string | undefined {
  return at === undefined ? undefined : new Date(at).toISOString();
}

function given(values: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter((pair): pair is [string, string] => pair[1] !== undefined));
}

function addTail(audit: Command, shell: Shell): void {
  withEvidenceFlags(audit.command('tail').description('print the newest decision records').argument('[PATH]', PATH))
    .option('--follow', 'go on with what comes, until interrupted', false)
    .option(
      '--lines <COUNT>',
      `how many to begin with; of a distributor, among its newest ${LOOKED_THROUGH} records`,
      wholeNumber(0, 100_000),
      10,
    )
    .option('--tenant <TENANT>', 'records of this tenant, where a distributor is asked')
    .option('--agent <AGENT>', 'records of this agent, where a distributor is asked')
    .option('--effect <EFFECT>', 'records of this effect, where a distributor is asked')
    .option('--host <HOST>', 'records of connections to this host, where a distributor is asked')
    .option('--model <MODEL>', 'records of calls of this model, where a distributor is asked')
    .option('--json', 'print the records as they are, one per line', false)
    .addHelpText(
      'after',
      examples(['what is being decided', 'portcullis audit tail /var/lib/portcullis/audit --follow']),
    )
    .action(async (path: string | undefined, flags: TailFlags) => {
      oneSource(path, flags);
      const { follow, lines, tenant, agent, effect, host, model } = flags;
      const filter = given({ tenant, agent, effect, host, model });
      if (path === undefined) {
        if (flags.writer !== undefined)
          throw usageFault('--writer: a tail is of all chains; filter by tenant or agent');
        const options = { follow, lines, pollMs: DISTRIBUTOR_POLL_MS, signal: whileRead(shell) };
        await withEvidence(shell, flags, async (evidence) => {
          for await (const { line } of tailDistributor(evidence, filter, options)) {
            shell.terminal.data(flags.json ? line : recordText(line));
          }
        });
        return;
      }
      if (Object.keys(filter).length > 0)
        throw usageFault('--tenant, --agent, --effect, --host and --model: a PATH is not filtered');
      for await (const line of tailRecords(path, { follow, lines, pollMs: POLL_MS, signal: whileRead(shell) })) {
        shell.terminal.data(flags.json ? line : recordText(line));
      }
    });
}

function instant(text: string): number {
  const at = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
  if (Number.isNaN(at)) throw new InvalidArgumentError('Expected a time such as 2026-11-01T00:00:00Z.');
  return at;
}
