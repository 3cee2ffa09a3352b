import { type ChainReport, createChainVerifier } from '@portcullis/policy/evidence';
import type { Json, JsonObject } from '@portcullis/policy/model';
import { chainFiles, checkpointOn, readLines } from './chain-files.js';

/** How records are printed. */
export const EXPORT_FORMATS = ['jsonl', 'csv', 'json'] as const;
/** A format. */
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** Which records are wanted. */
export interface RecordFilter {
  /** Milliseconds since the epoch; inclusive. */
  readonly from?: number;
  /** Milliseconds since the epoch; exclusive. */
  readonly to?: number;
  readonly tenant?: string;
  readonly effect?: string;
  /** The id of the decision that it is, or is about. */
  readonly decision?: string;
  /** The host of a connection. */
  readonly host?: string;
  /** The model of a call. */
  readonly model?: string;
}

const COLUMNS = [
  'seq',
  'at',
  'decision_id',
  'effect',
  'deny',
  'tenant',
  'agent',
  'server',
  'tool',
  'operation',
  'request_digest',
  'arguments_digest',
  'bundle_digest',
  'policy_version',
  'release_seq',
  'matched',
  'evaluation_us',
  'kind',
  'event',
  'approval_id',
  'grant_id',
  'by',
  'comment',
  'refusal_id',
  'source',
  'reason',
  'count',
  'scheme',
  'host',
  'port',
  'method',
  'provider',
  'model',
  'peer',
  'skill',
  'risk',
  'risk_score',
  'risk_signals',
  'writer',
  'hash',
] as const;

const REACHED = ['scheme', 'host', 'port', 'method', 'provider', 'model', 'peer', 'skill'] as const;

/**
 * Prints the wanted records and verifies the chain on the way; lines that are no records are not printed.
 * @throws PortcullisError `ERR_CLI_SOURCE` when a file cannot be read.
 */
export async function exportRecords(
  path: string,
  filter: RecordFilter,
  format: ExportFormat,
  print: (text: string) => void,
): Promise<ChainReport & { readonly exported: number }> {
  const verifier = createChainVerifier();
  const printer = createRecordPrinter(format, print);
  for (const file of await chainFiles(path)) {
    for await (const { text, line, torn } of readLines(file)) {
      if (torn) {
        verifier.torn({ file, line });
        continue;
      }
      if (checkpointOn(text) !== undefined) continue;
      const record = verifier.line(text, { file, line });
      if (record === undefined || !isWanted(record, filter)) continue;
      printer.record(record, text);
    }
  }
  return { ...verifier.finish(), exported: printer.finish() };
}

/** Prints records one by one. */
export interface RecordPrinter {
  record(record: JsonObject, line: string): void;
  /** After the last one: how many there were. */
  finish(): number;
}

/** A printer, its heading printed. */
export function createRecordPrinter(format: ExportFormat, print: (text: string) => void): RecordPrinter {
  let printed = 0;
  if (format === 'csv') print(COLUMNS.join(','));
  if (format === 'json') print('[');
  return {
    record(record, line) {
      if (format === 'csv') print(csvRow(record, line));
      else print(format === 'json' && printed > 0 ? `,${line}` : line);
      printed += 1;
    },
    finish() {
      if (format === 'json') print(']');
      return printed;
    },
  };
}

function isWanted(record: JsonObject, { from, to, tenant, effect, decision, host, model }: RecordFilter): boolean {
  if (tenant !== undefined && record['tenant'] !== tenant) return false;
  if (effect !== undefined && record['effect'] !== effect) return false;
  if (decision !== undefined && record['decision_id'] !== decision) return false;
  const target = objectOf(record['target']);
  if (host !== undefined && target['host'] !== host) return false;
  if (model !== undefined && target['model'] !== model) return false;
  if (from === undefined && to === undefined) return true;
  const at = Date.parse(textOf(record['at']));
  return at >= (from ?? Number.NEGATIVE_INFINITY) && at < (to ?? Number.POSITIVE_INFINITY);
}

function csvRow(record: JsonObject, line: string): string {
  const tool = objectOf(record['tool']);
  const target = objectOf(record['target']);
  const risk = objectOf(record['risk']);
  const derived: Readonly<Record<string, string>> = {
    deny: listOf(record['deny']).map(textOf).join(' '),
    server: textOf(tool['server']),
    tool: textOf(tool['name']),
    operation: textOf(tool['operation']),
    matched: listOf(record['matched'])
      .map(objectOf)
      .map((match) => `${textOf(match['layer'])}/${textOf(match['policy'])}`)
      .join(' '),
    ...Object.fromEntries(REACHED.map((name) => [name, textOf(target[name])])),
    risk: textOf(risk['decision']),
    risk_score: textOf(risk['score']),
    risk_signals: listOf(risk['signals']).map(textOf).join(' '),
    evaluation_us: textOf(objectOf(record['timings_us'])['evaluation']),
    hash: line.slice(-66, -2),
  };
  return COLUMNS.map((column) => cell(derived[column] ?? textOf(record[column]))).join(',');
}

/** Quoted; a spreadsheet must not take a tool's name for a formula. */
function cell(text: string): string {
  const inert = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /^[\w.:/ -]*$/.test(inert) ? inert : `"${inert.replaceAll('"', '""')}"`;
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function objectOf(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}
