import { readRecord } from '@portcullis/policy/evidence';
import type { Json, JsonObject } from '@portcullis/policy/model';
import { printable } from '../printable.js';
import { refusalText } from './record-text.js';
import { calledText, operationText, riskText } from './target-text.js';

/** Which decisions are shown; what is absent does not narrow. */
export interface DecisionFilter {
  readonly tenant?: string | undefined;
  readonly agent?: string | undefined;
  readonly effect?: string | undefined;
  /** The decision's id, as an agent's error names it. */
  readonly decision?: string | undefined;
  /** The server of the attempt: an MCP server, or another agent. */
  readonly server?: string | undefined;
  /** The tool, or the skill of another agent. */
  readonly tool?: string | undefined;
  /** The host of a connection. */
  readonly host?: string | undefined;
  /** The model of a call. */
  readonly model?: string | undefined;
  /** The operation, such as `tools/call`. */
  readonly operation?: string | undefined;
  /** A deny code that it names. */
  readonly code?: string | undefined;
  /** A policy that contributed: its name, or `<layer>/<name>`. */
  readonly policy?: string | undefined;
}

/** A decision out of a line of a chain, or what a PEP refused without one; nothing for another kind. A line that is no record says so. */
export type SeenDecision = { readonly text: string; readonly record: JsonObject | undefined };

/** Reads a line for people: one decision per line, in columns. Nothing when it is not about a decision that fits. */
export function seenDecision(line: string, filter: DecisionFilter): SeenDecision | undefined {
  const reading = readRecord(line);
  // Somebody who looks on must see that something was altered.
  if (!reading.ok) return { text: `?  ${reading.message}`, record: undefined };
  const { record } = reading;
  const isRefusal = record['kind'] === 'refusal';
  if ((record['kind'] !== 'decision' && !isRefusal) || !fits(record, filter)) return undefined;
  const deny = texts(record['deny']);
  const policies = matched(record).filter(({ effect }) => record['effect'] === 'allow' || effect !== 'allow');
  const columns = [
    text(record['at']),
    text(record['effect']).padEnd(5),
    `${text(record['tenant'])}/${text(record['agent'])}`.padEnd(24),
    [operationText(record), calledText(record)]
      .filter((part) => part !== '')
      .join(' ')
      .padEnd(36),
    [...deny, ...policies.map(({ layer, policy }) => `${layer}/${policy}`)].join(' '),
    riskText(record),
    isRefusal ? refusalText(record) : tookText(record),
    text(record['decision_id'] ?? record['refusal_id']),
  ];
  // Names come from agents; a terminal must not obey them.
  return { text: printable(columns.filter((column) => column !== '').join('  ')).trimEnd(), record };
}

function fits(record: JsonObject, filter: DecisionFilter): boolean {
  const tool = object(record['tool']);
  const target = object(record['target']);
  const is = (wanted: string | undefined, value: Json | undefined): boolean => wanted === undefined || wanted === value;
  return (
    is(filter.tenant, record['tenant']) &&
    is(filter.agent, record['agent']) &&
    is(filter.effect, record['effect']) &&
    is(filter.decision, record['decision_id']) &&
    is(filter.server, tool['server']) &&
    is(filter.tool, tool['name']) &&
    is(filter.host, target['host']) &&
    is(filter.model, target['model']) &&
    is(filter.operation, tool['operation']) &&
    (filter.code === undefined || texts(record['deny']).includes(filter.code)) &&
    (filter.policy === undefined ||
      matched(record).some(({ layer, policy }) => filter.policy === policy || filter.policy === `${layer}/${policy}`))
  );
}

function matched(record: JsonObject): readonly { layer: string; policy: string; effect: string }[] {
  const list = Array.isArray(record['matched']) ? (record['matched'] as readonly Json[]) : [];
  return list.map(object).map((one) => ({
    layer: text(one['layer']),
    policy: text(one['policy']),
    effect: text(one['effect']),
  }));
}

/** Milliseconds of evaluation, or that no PDP was asked. */
function tookText(record: JsonObject): string {
  if (record['reuse_of'] !== undefined) return 'kept';
  const { evaluation } = object(record['timings_us']);
  return typeof evaluation === 'number' ? `${(evaluation / 1000).toFixed(1)}ms` : '';
}

function object(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

function texts(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? (value as readonly Json[]).filter((one) => typeof one === 'string') : [];
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}
