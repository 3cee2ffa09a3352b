import { DENY_CODES } from '@portcullis/policy/model';
import { REFUSALS, RPC_CODE } from '@portcullis/sidecar';
import { DENY_MEANINGS } from './deny-meanings.js';
import { code, markdownPage, type Page, table } from './page.js';

/** What the refusal table's own JSON-RPC codes say. */
const RPC_MEANINGS = {
  parseError: 'The bytes are not strict JSON.',
  invalidRequest: 'The message is not an acceptable JSON-RPC message.',
  methodNotFound: 'The method is not one of the protocol in this direction and generation.',
  invalidParams: 'The parameters are not those of the method.',
  internalError: 'A defect of the sidecar.',
  headerMismatch: 'A header says something else than the body.',
  unsupportedProtocolVersion: 'The protocol revision is not spoken.',
  denied: 'A policy says no, or none says yes.',
  held: 'A person has to agree first.',
  upstreamFailed:
    'The MCP server failed, or answered with something that is not an answer. Not a denial: it was allowed.',
  failedClosed: 'No decision could be had or enforced; refused for safety. May be tried again.',
} as const satisfies Record<keyof typeof RPC_CODE, string>;

/** `docs/reference/deny-codes.md`. */
export function denyCodesPage(): Page {
  return markdownPage('docs/reference/deny-codes.md', 'Deny codes', [
    'Why an attempt was refused. The list is closed; what a policy author writes as `deny_reason_code` rides beside it as ' +
      '`reason_code`. An MCP client gets a JSON-RPC error whose `data` has `code`, `message`, `outcome` and, where there ' +
      'are any, `reason_code`, `decision_id` and `path`.',
    'A refused JSON-RPC request is answered with HTTP 200 and the error, because SDKs hand errors to their caller only ' +
      'then; in the generation of 2026-07-28 an unknown method is 404. The HTTP status of the table answers what has no ' +
      'JSON-RPC answer: notifications, `GET` and `DELETE`. Where the protocol fixes another code for the same refusal ' +
      '(unreadable JSON, a header mismatch) that one is used.',
    'Outcomes, as the metric `portcullis_sidecar_attempts_total` counts them: `denied` and `held` are policy, `invalid` is ' +
      "the caller's, `failed_closed` is for operators to look at.",
    table(
      ['code', 'meaning', 'outcome', 'JSON-RPC', 'HTTP'],
      DENY_CODES.map((name) => {
        const { outcome, rpcCode, httpStatus } = REFUSALS[name];
        return [
          `[${code(name)}](#${name.toLowerCase()})`,
          DENY_MEANINGS[name].meaning,
          outcome,
          String(rpcCode),
          String(httpStatus),
        ];
      }),
    ),
    ...DENY_CODES.flatMap((name) => [
      `## ${name}`,
      `${DENY_MEANINGS[name].meaning} The sidecar's own message: "${REFUSALS[name].message}".`,
      `**When.** ${DENY_MEANINGS[name].when}`,
      `**What to do.** ${DENY_MEANINGS[name].action}`,
    ]),
    '## JSON-RPC error codes',
    'The MCP specification keeps -32768 to -32000 for JSON-RPC and itself; ours lie outside, and their last three digits ' +
      'recall HTTP.',
    table(
      ['code', 'meaning'],
      Object.entries(RPC_CODE).map(([name, number]) => [
        String(number),
        RPC_MEANINGS[name as keyof typeof RPC_MEANINGS],
      ]),
    ),
  ]);
}
