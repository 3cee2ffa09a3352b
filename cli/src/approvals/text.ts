/** Approvals and grants for people: nothing an agent composed may speak to the terminal. */

import type { Json, JsonObject } from '@portcullis/runtime';
import { printable } from '../printable.js';

/** The heading of {@link approvalRow}. */
export const APPROVAL_HEADING = ['ID', 'STATE', 'AGENT', 'WHAT', 'ASKED', 'UNTIL'] as const;
/** The heading of {@link grantRow}. */
export const GRANT_HEADING = ['ID', 'STATE', 'AGENT', 'WHAT', 'USED', 'UNTIL'] as const;

/** One line of a table. */
export function approvalRow(approval: JsonObject): readonly string[] {
  const { id, state, agent, request, expires_at: until } = approval;
  return [id, state, agent, called(objectOf(request)), asked(approval), until].map(shown);
}

/** Everything about one, line by line. */
export function approvalLines(approval: JsonObject): readonly string[] {
  const { payload, complete, note, ...names } = objectOf(approval['request']);
  const lines = [
    ...[
      'id',
      'state',
      'why',
      'tenant',
      'agent',
      'created_at',
      'expires_at',
      'binding',
      'bundle_digest',
      'definition_digest',
    ]
      .filter((name) => approval[name] !== undefined)
      .map((name) => `${name}: ${shown(approval[name])}`),
    `asked: ${asked(approval)}`,
    ...listOf(approval['votes'])
      .map(objectOf)
      .map(({ person, says, at, comment }) =>
        shown(`vote: ${shown(person)} ${shown(says)} ${shown(at)} ${shown(comment)}`),
      ),
    ...Object.entries(names).map(([name, value]) => `request.${shown(name)}: ${shown(value)}`),
  ];
  if (payload !== undefined) lines.push(`payload: ${shown(payload)}`);
  if (note !== undefined) lines.push(`note: ${shown(note)}`);
  if (complete === false) lines.push('the payload is not complete: parts are masked, shortened or left out');
  return lines;
}

/** One line of a table. */
export function grantRow(grant: JsonObject): readonly string[] {
  const { id, state, agent, target, used, count, budget, expires_at: until } = grant;
  const { spent, limit } = objectOf(budget);
  const spending = budget === undefined ? '' : `, ${shown(spent)} of ${shown(limit)}`;
  return [id, state, agent, called(objectOf(target)), `${shown(used)} of ${shown(count)}${spending}`, until].map(shown);
}

/** What a grant would have covered, line by line. */
export function previewLines(preview: JsonObject): readonly string[] {
  const records = objectOf(preview['records']);
  const counts = (value: Json | undefined): string => {
    const { held, denied, allowed } = objectOf(value);
    return `${shown(held)} held, ${shown(denied)} denied, ${shown(allowed)} allowed`;
  };
  const both = ({ covered, possible }: JsonObject): string => `${counts(covered)}; perhaps ${counts(possible)} more`;
  return [
    `covered: ${both(preview)}`,
    ...(preview['beyond_count'] === 0 ? [] : [`more than its count: ${shown(preview['beyond_count'])}`]),
    ...listOf(preview['days'])
      .map(objectOf)
      .map((day) => `${shown(day['day'])}: ${both(day)}`),
    ...listOf(preview['examples'])
      .map(objectOf)
      .map(
        ({ at, ended, decision_id: id, certain }) =>
          `e.g. ${shown(at)} ${shown(ended)} ${shown(id)}${certain === true ? '' : ' (perhaps)'}`,
      ),
    `records of this PDP since: ${shown(records['from'] ?? 'none')}${records['complete'] === true ? '' : ' (not complete)'}: ${shown(records['why'])}`,
    `compared: ${listOf(preview['checked']).map(shown).join(', ')}`,
    ...listOf(preview['unchecked'])
      .map(objectOf)
      .map(({ term, why }) => `not compared: ${shown(term)}: ${shown(why)}`),
  ];
}

function called({ server, tool, operation, model, host }: JsonObject): string {
  const what = [server, tool ?? model ?? host ?? operation].filter((part) => typeof part === 'string');
  return what.join('/');
}

function asked({ needs }: JsonObject): string {
  return listOf(needs)
    .map(objectOf)
    .map(({ role, group, quorum }) => `${shown(role ?? group)}${quorum === 1 ? '' : ` x${shown(quorum)}`}`)
    .join(', ');
}

/** A text as it is, anything else as JSON; without anything that a terminal obeys. */
function shown(value: Json | undefined): string {
  const text = typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value);
  return printable(text);
}

function objectOf(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

/** The list, or an empty one. */
export function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}
