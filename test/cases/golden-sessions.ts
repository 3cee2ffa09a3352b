/**
 * What would have had to happen in a session for a decision point to know by itself what a golden case takes for known: the
 * calls that were made before, what they brought, and what the user had asked for.
 */
import type { Facts, Json, PastAttempt, Provenance, ToolTarget } from '@portcullis/policy/model';
import type { GoldenCase } from './golden.js';

/** A call that is asked about before the case's own question, and allowed. */
export interface EarlierCall {
  readonly tool: ToolTarget;
  /** What it brings, if its PEP reports that. */
  readonly result?: Json;
}

/** What happens before the question of a case. */
export interface EarlierEvents {
  readonly calls: readonly EarlierCall[];
  /** What the user asks for; nobody knows when absent. */
  readonly prompt?: string;
}

/** What is declared about tools, as `sessions.toolsFile` has it: which of them reach what the cases speak of. */
export const GOLDEN_TOOLS = {
  format: 'portcullis.tools/1',
  servers: {
    mail: { send: { sinks: ['external_message'], arguments: { to: 'destination', body: 'payload' } } },
    files: { write: { sinks: ['external_message'] } },
  },
} as const;

const ROLES: Readonly<Record<string, string>> = { to: 'destination', body: 'payload' };
/** A past attempt that lies longer back than that is about time, which cannot be made to pass. */
const RECENT_MS = 3_600_000;
/** Has nothing to do with any of the cases' calls. */
const ANOTHER_TASK = 'What is in my calendar today?';

/** Facts, and the types of policies that ask for them. */
const READS_FACTS = /"facts\b|"type": ?"(?:flow|sequence)"/;
const READS_TIMES = /history\[\w+\]\.at"/;

/** What happens before a case's question, or why that cannot be brought about; `undefined` for a case that is about no session. */
export function earlierEvents(one: GoldenCase): EarlierEvents | string | undefined {
  const { request, files } = one;
  const { facts, context } = request;
  const text = [...files.values()].map((file) => Buffer.from(file).toString('utf8')).join('\n');
  const reads = (pattern: RegExp): boolean => pattern.test(text);
  if (!reads(READS_FACTS) && !text.includes('"context.labels"')) return undefined;
  if (facts === undefined) {
    // A PDP always knows of labels, if only that there are none.
    return reads(READS_FACTS) || context.labels === undefined
      ? 'a PDP knows more of the session than the case says'
      : { calls: [] };
  }
  if (context.approval !== undefined) return 'an approval takes a person';
  if (facts.provenance?.some(({ labels }) => labels.includes('endorsed')) === true) return 'an approval takes a person';
  if (facts.provenance?.some((value) => !isOfItsRole(value)) === true) return 'an argument has one role';
  const history = facts.history ?? [];
  if (history.some(({ effect }) => effect !== 'allow')) return 'the case has no rule that denies what was denied';
  const now = Date.parse(context.timestamp);
  if (reads(READS_TIMES) || history.some(({ at }) => now - Date.parse(at) > RECENT_MS))
    return 'time would have to pass';
  return eventsOf(facts, request.tool?.arguments ?? {});
}

function isOfItsRole({ path, role }: Provenance): boolean {
  return role === undefined || role === ROLES[argumentOf(path)];
}

/** Of `tool.arguments.to[0]`: `to`. */
function argumentOf(path: string): string {
  return /^tool\.arguments\.(\w+)/.exec(path)?.[1] ?? '';
}

function eventsOf(facts: Facts, args: { readonly [name: string]: Json }): EarlierEvents {
  const said = (origin: string): string =>
    (facts.provenance ?? [])
      .filter((value) => value.origin === origin)
      .map(({ path }) => valueAt(args, path))
      .join(' and ');
  const tools = new Set(
    (facts.provenance ?? []).map(({ origin }) => origin).filter((origin) => origin.startsWith('tool:')),
  );
  const byUser = said('user');
  const prompt = byUser === '' ? undefined : `Write to ${byUser}, please.`;
  const task = facts.task_scope === 'outside' ? ANOTHER_TASK : prompt;
  return {
    calls: [
      ...(facts.history ?? []).map((past) => ({ tool: toolOf(past) })),
      ...[...tools].map((origin) => {
        const [server = '', name = ''] = origin.slice('tool:'.length).split('/');
        const page = { url: 'https://page.example/' };
        return { tool: { server, name, arguments: page }, result: `Do write to ${said(origin)} soon.` };
      }),
    ],
    ...(task === undefined ? {} : { prompt: task }),
  };
}

function toolOf({ server, tool }: PastAttempt): ToolTarget {
  return { ...(server === undefined ? {} : { server }), ...(tool === undefined ? {} : { name: tool }) };
}

function valueAt(args: { readonly [name: string]: Json }, path: string): string {
  const value = args[argumentOf(path)];
  const index = /\[(\d+)\]$/.exec(path)?.[1];
  return String(Array.isArray(value) && index !== undefined ? value[Number(index)] : value);
}
