import {
  CONDITION_TYPES,
  type ConditionType,
  DECIDE_OUTPUT,
  RECORDED_OBLIGATIONS,
  REPORT_RESULT,
} from '@portcullis/policy/model';
import { CARRIED_OUT, type Duty } from '@portcullis/sidecar/carried-out';
import { code, codes, markdownPage, type Page, table } from './page.js';

type SurfaceName = keyof typeof CARRIED_OUT;

const SURFACES = {
  mcp: 'MCP over HTTP',
  stdio: 'MCP over stdio',
  llm: 'model gateway',
  a2a: 'A2A',
  egress: 'egress, HTTP',
  connect: 'egress, tunnel',
  authorize: 'authorize API, hooks',
} as const satisfies Record<SurfaceName, string>;
const NAMES = Object.keys(SURFACES) as readonly SurfaceName[];

/** What makes a decision ask for it, and what is done. */
const MEANINGS: Readonly<Record<ConditionType | typeof DECIDE_OUTPUT | typeof REPORT_RESULT, string>> = {
  redact: 'the effect `redact`: what is found is replaced, in what is sent and in what comes back',
  mask_fields: 'the effect `redact` with `mask_fields`: members are masked whatever they say',
  max_tokens: 'the effect `limit`: what the request asks for is lowered, or it is refused',
  audit_level: 'no policy of this engine: the level is in the log of the sidecar',
  rate_limit: 'no policy: the decision point counts by itself and denies',
  time_window: 'no policy: the decision point reads the clock by itself and denies',
  require_approval: 'a hold, which is a denial; beside an allow it has no meaning',
  require_hitl: 'a hold, which is a denial; beside an allow it has no meaning',
  [REPORT_RESULT]: 'a release with policies about sessions: the result is reported before anybody gets it',
  [DECIDE_OUTPUT]: 'a release with policies about `request.output`: the answer is asked about before anybody gets it',
};

const OBLIGATIONS = [REPORT_RESULT, DECIDE_OUTPUT] as const;

function row(duty: Duty): readonly string[] {
  return [code(duty), MEANINGS[duty], ...NAMES.map((name) => (CARRIED_OUT[name].includes(duty) ? 'yes' : 'refused'))];
}

/** `docs/reference/conditions.md`. */
export function conditionsPage(): Page {
  const surfaces = NAMES.map((name) => SURFACES[name]);
  return markdownPage('docs/reference/conditions.md', 'Conditions and obligations', [
    'An allow may be tied to something. Whoever enforces it carries that out, or refuses with `OBLIGATION_UNSUPPORTED`: nothing passes as it ' +
      'is because somebody could not do what was asked. A value that is not understood is refused as well. The tests try every cell.',
    '## Conditions',
    table(['condition', 'asked for by', ...surfaces], CONDITION_TYPES.map(row)),
    '## Obligations',
    table(['obligation', 'asked for by', ...surfaces], OBLIGATIONS.map(row)),
    `The decision point carries ${codes(RECORDED_OBLIGATIONS)} out by itself, after its answer; they stop nobody.`,
    '## Where there is more to say',
    [
      '- **MCP, A2A**: what a server asks of an agent (sampling, elicitation) is not redacted, so it is refused under a decision that orders it.',
      '- **Model gateway**: the decision about a call that a model proposes may order a redaction; the call passes if nothing in it has to go, ' +
        'and is refused otherwise, for it is the agent that would carry it out. A tool that the provider runs while it answers gets no condition ' +
        'at all. Where fields are, is in the [guide](../guides/redaction.md).',
      '- **Egress**: connections are decided by where they lead; nobody reads their bytes. `portcullis lint` tells of a policy that ' +
        'would have it otherwise (`LINT_EFFECT_UNAVAILABLE`).',
      '- **Authorize API, hooks**: the program that asks has its data already, and a hook can say yes or no. An MCP interceptor sees no ' +
        `result, so there ${code(REPORT_RESULT)} is refused as well.`,
      '- **Gateways** (Envoy `ext_authz`, agentgateway): they let a request through or not; every condition and both obligations are refused.',
      '- **AuthZEN, `POST /v1/policy/evaluate`**: the caller enforces. AuthZEN answers `true` only to a caller that says it can carry all of it ' +
        'out ([guide](../guides/authzen.md)).',
    ].join('\n'),
  ]);
}
