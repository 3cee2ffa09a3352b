/**
 * `npm run bench -- NAME [--json] [--quick]`: a table, or one JSON object per line
 * `{bench, case, subject, metric, value, unit}`.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import type { Row } from './row.js';

interface Options {
  /** A look instead of a measurement, where there is one. */
  readonly quick: boolean;
}

/** Loaded on demand: one benchmark must not weigh on another. */
const BENCHES: Readonly<
  Record<string, { readonly about: string; readonly run: (options: Options) => Promise<readonly Row[]> }>
> = {
  spine: {
    about: 'decisions, what the sidecar adds, publish to enforced, memory, start time',
    run: async () => (await import('./spine.js')).benchSpine(),
  },
  engine: {
    about: 'the policy engine beside its peers, 10 to 100,000 policies (takes half an hour)',
    run: async () => (await import('./engine.js')).benchEngine(),
  },
  pdp: {
    about: 'decision points as servers beside OPA and Cerbos, over TLS (half an hour; --quick: under three minutes)',
    run: async (options) => (await import('./pdp.js')).benchPdp(options),
  },
  sidecar: {
    about: 'what a sidecar adds to a call, per surface, beside peers (half an hour; --quick: about two minutes)',
    run: async (options) => (await import('./sidecar.js')).benchSidecar(options),
  },
  ask: {
    about: "the sidecar's PDP client by itself",
    run: async () => (await import('./ask.js')).benchAsk(),
  },
  audit: {
    about: 'recording a decision, per way to sync',
    run: async () => (await import('./audit.js')).benchAudit(),
  },
  redact: {
    about: 'redaction of texts and JSON, with and without findings',
    run: async ({ quick }) => (await import('./redact.js')).benchRedact(quick ? { budgetMs: 100 } : {}),
  },
  arguments: {
    about: 'Struct against JSON bytes for arguments (ADR-0004)',
    run: async () => (await import('./arguments-encoding.js')).benchArgumentsEncoding(),
  },
};

function table(rows: readonly Row[]): string {
  const cells = rows.map((row) => [row.case, row.subject, row.metric, `${row.value}`, row.unit]);
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)));
  const line = (values: readonly string[]): string =>
    values
      .map((text, column) => (column === 3 ? text.padStart(widths[column] ?? 0) : text.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd();
  return cells.map(line).join('\n');
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const [name = ''] = positionals;
const bench = BENCHES[name];
if (values.help || bench === undefined || positionals.length !== 1) {
  const list = Object.entries(BENCHES).map(([key, { about }]) => `  ${key.padEnd(12)} ${about}`);
  const out = values.help ? process.stdout : process.stderr;
  if (!values.help)
    out.write(name === '' ? 'Which benchmark?\n' : `There is no benchmark "${positionals.join(' ')}".\n`);
  out.write(`Usage: npm run bench -- NAME [--json] [--quick]\n\n${list.join('\n')}\n`);
  process.exitCode = values.help ? 0 : 2;
} else {
  const [cpu] = cpus();
  process.stderr.write(`${name} on ${cpus().length} × ${cpu?.model ?? 'unknown CPU'}, Node ${process.version}\n`);
  const rows = await bench.run({ quick: values.quick });
  const lines = values.json ? rows.map((row) => JSON.stringify(row)).join('\n') : table(rows);
  process.stdout.write(`${lines}\n`);
}
