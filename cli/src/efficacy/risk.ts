/** The risk of a recorded run of an agent: every call assessed in turn, from what was said and read before it. */

import { INSTRUCTIONS_FROM, instructionScore } from '@portcullis/policy/content';
import type { ContextualRequest, Json, JsonObject, PastAttempt, Provenance } from '@portcullis/policy/model';
import { assessRisk, DEFAULT_RISK_PARAMETERS, INJECTION_LABEL, OVERALL } from '@portcullis/policy/risk';
import { textOf } from './corpus.js';

/** Any instant: nothing in a record says when it was. */
const AT = '2026-01-01T00:00:00Z';
/** Shorter values are everywhere. */
const MIN_VALUE = 4;
const SEVERITY = { ALLOW: 0, REVIEW: 1, BLOCK: 2 } as const;

/** What the session holds so far. */
interface Session {
  /** Said by the user, in lower case. */
  trusted: string;
  /** Read from tools, in lower case. */
  untrusted: string;
  readonly labels: Set<string>;
  readonly history: PastAttempt[];
}

/** The worst risk among the calls of a run. Its label and its id say nothing to the assessment. */
export function judgeTrace(row: JsonObject): JsonObject {
  const session: Session = { trusted: '', untrusted: '', labels: new Set(), history: [] };
  let score = 0;
  let decision: keyof typeof SEVERITY = 'ALLOW';
  for (const event of eventsOf(row)) {
    if (event['role'] === 'user') session.trusted += ` ${said(event).toLowerCase()}`;
    else if (event['role'] === 'environment') readResult(session, said(event));
    else if (typeof event['tool'] === 'string') {
      const risk = assessRisk({
        request: requestOf(session, event['tool'], event['args']),
        baseline: undefined,
        parameters: DEFAULT_RISK_PARAMETERS,
      });
      score = Math.max(score, risk.risk_dimensions?.[OVERALL] ?? 0);
      const found = risk.decision ?? 'ALLOW';
      if (SEVERITY[found] > SEVERITY[decision]) decision = found;
      session.history.push({ kind: 'tool_call', tool: event['tool'], effect: 'allow', at: AT });
    }
  }
  return { id: textOf(row, 'id'), score, decision };
}

function eventsOf(row: JsonObject): readonly JsonObject[] {
  const events = row['events'];
  return Array.isArray(events) ? (events as readonly JsonObject[]) : [];
}

function said({ text }: JsonObject): string {
  return typeof text === 'string' ? text : '';
}

/** What a tool returned is of unknown origin. */
function readResult(session: Session, text: string): void {
  if (text.trim() === '') return;
  session.untrusted += ` ${text.toLowerCase()}`;
  session.labels.add('untrusted');
  if (instructionScore(text).score >= INSTRUCTIONS_FROM) session.labels.add(INJECTION_LABEL);
}

function requestOf(session: Session, tool: string, args: Json | undefined): ContextualRequest {
  const object = typeof args === 'object' && args !== null && !Array.isArray(args) ? (args as JsonObject) : {};
  return {
    version: '1.0',
    tenant_id: 'recorded',
    source: 'mcp_proxy',
    kind: 'tool_call',
    agent: { id: 'recorded' },
    tool: { name: tool, arguments: object },
    context: { timestamp: AT, request_id: 'recorded', labels: [...session.labels] },
    facts: { history: [...session.history], provenance: provenanceOf(session, object) },
  };
}

/** Values that were read and that the user never said. */
function provenanceOf({ trusted, untrusted }: Session, args: JsonObject): readonly Provenance[] {
  const found: Provenance[] = [];
  const walk = (path: string, value: Json): void => {
    if (typeof value === 'string' || typeof value === 'number') {
      const text = String(value).toLowerCase();
      const isForeign = text.length >= MIN_VALUE && untrusted.includes(text) && !trusted.includes(text);
      if (isForeign) found.push({ path, origin: 'tool:recorded/result', labels: ['untrusted'] });
    } else if (value !== null && typeof value === 'object') {
      for (const [name, inner] of Object.entries(value)) walk(`${path}.${name}`, inner);
    }
  };
  walk('tool.arguments', args);
  return found;
}
