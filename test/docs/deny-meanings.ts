import type { DenyCode } from '@portcullis/policy/model';

/** What a person who meets a deny code wants to know. Whole sentences. */
export interface DenyMeaning {
  readonly meaning: string;
  readonly when: string;
  readonly action: string;
}

/** One entry per code; a code without one does not compile. */
export const DENY_MEANINGS = {
  POLICY_DENIED: {
    meaning: 'A policy denies this attempt.',
    when:
      'A policy with the effect `deny` matched in some layer, and in a `deny_overrides` set no `allow` of strictly higher ' +
      "precedence lifted it. The author's own code, when there is one, is in `reason_code`; `path` names the policy.",
    action:
      'Do not retry: the same attempt gets the same answer. To see why, run `portcullis explain` with the request; to ' +
      'change it, change the policy that `path` names.',
  },
  APPROVAL_REQUIRED: {
    meaning: 'The attempt is held until a person agrees.',
    when:
      'A policy with the effect `require_approval` or `require_hitl`, or a typed policy with the action `escalate`, matched, ' +
      'and nobody has agreed to this very request yet. The condition of the decision names who is asked.',
    action: 'Ask for the approval that the decision names; do not retry before it is given.',
  },
  APPROVAL_REFUSED: {
    meaning: 'People were asked, and what they said does not allow this.',
    when:
      'A person refused, and the question has not expired yet; or people had agreed, this attempt has used that up, and the ' +
      'policies still do not allow it (the other reasons say why); or the very same attempt was answered already.',
    action: 'Do not retry the same call. After a refusal it can be asked again once the approval has expired.',
  },
  APPROVAL_UNAVAILABLE: {
    meaning: 'The attempt is held, and nobody can say whether people agreed.',
    when:
      'The PDP cannot reach the store of approvals in time, cannot record what it asks, knows an older release than another ' +
      'PDP, or as many approvals are open as there may be.',
    action:
      'Retry with backoff. Operators: look at `portcullis_pdp_approval_store_failures_total` and the store of approvals; see ' +
      'the runbook [approvals-unavailable](../runbooks/approvals-unavailable.md).',
  },
  NO_MATCHING_POLICY: {
    meaning: 'No policy allows this attempt.',
    when: "No set of any layer decided and the bundle's `default` is `deny`, or the bundle has no active policy at all.",
    action:
      'Add a policy that allows it. `portcullis explain` shows which policies were looked at and why none matched.',
  },
  POLICY_ERROR: {
    meaning: 'A policy that would block could not be evaluated, so it counts as a denial.',
    when: 'A field that its condition reads holds a value of another type than the condition compares with.',
    action:
      'Look at `diagnostics.errors` of the decision (`portcullis eval --json`): it names the policy and the condition. ' +
      'Guard the condition, or send the right type.',
  },
  QUOTA_EXCEEDED: {
    meaning: 'A quota that applies to this attempt is used up.',
    when:
      'The policies allow the attempt, and a `rate_limit`, `quota` or `token_budget` policy that they met on the way has no ' +
      'room left in its window. The message names the quota, its limit, its use and when there is room again.',
    action: 'Try again after the time that the message names, or ask for a larger quota.',
  },
  QUOTA_UNAVAILABLE: {
    meaning: 'A quota applies to this attempt and nobody can say how much of it is left.',
    when: 'The PDP cannot reach the store that keeps the account in time, the store has lost its accounts, or the attempt is over already.',
    action: 'Look at the store of quotas; until it answers, what a quota guards is denied.',
  },
  KILL_SWITCH: {
    meaning: 'An operator stopped this agent, its tenant, this tool, or everything.',
    when:
      'A kill of the signed kill list applies to the attempt. It is looked at before any policy, and no policy can lift it. ' +
      'The message names the kill and its reason.',
    action: 'Ask the operator who stopped it: `portcullis kill list` names them, `portcullis kill lift ID` ends it.',
  },
  NO_VALID_BUNDLE: {
    meaning: 'The PDP has no release that it may decide with.',
    when:
      'It never had one, the one it has is past `max_stale` of its freshness profile or past `not_after`, or its clock is ' +
      'behind the last trusted time.',
    action:
      'See the runbooks [pdp-not-ready](../runbooks/pdp-not-ready.md) and ' +
      '[timestamp-expired](../runbooks/timestamp-expired.md).',
  },
  REQUEST_INVALID: {
    meaning: 'The message or the question is not acceptable.',
    when:
      'The JSON is not strict, the JSON-RPC message is not one, headers contradict the body, a cap is exceeded, the ' +
      'question claims another tenant or agent than the certificate, or its digest does not fit.',
    action:
      'Correct the caller; the message says what is wrong and `path` where. Retrying the same bytes does not help.',
  },
  IDENTITY_REJECTED: {
    meaning: 'The certificate of the sidecar, the token of the user, or the card of another agent is not accepted.',
    when:
      'The certificate has expired, is not that of an agent or gateway, or belongs to another trust domain; or, with the path `user_token`, the ' +
      'token is over, for another audience, of another issuer, or cannot be verified; or the card of an agent that is to be spoken to ' +
      'cannot be had, has changed, or lacks its signature.',
    action:
      'Renew or correct the certificate under `tls`; new files are taken up without a restart. For a token, see ' +
      '[users](../guides/context.md#users); for a card, [agents](../guides/a2a.md#cards).',
  },
  TOOL_QUARANTINED: {
    meaning: 'The sidecar keeps this tool from the agent until somebody accepts its definition.',
    when:
      'Its definition is not the one that was seen first or accepted, reads like instructions, or was not seen at all; or its ' +
      'name is, or looks like, that of an earlier tool. `reason_code` says which.',
    action:
      'Look at it with `portcullis tools list`, and accept it with `portcullis tools accept`; see ' +
      '[tool definitions](../guides/tool-definitions.md).',
  },
  METHOD_UNKNOWN: {
    meaning: 'The method is not one that the sidecar knows how to decide.',
    when: 'It is not in [the table of methods](mcp-methods.md) for this direction and protocol generation.',
    action: 'Use a method of the protocol. A new one needs a new version of the sidecar: unknown never means allowed.',
  },
  PDP_UNAVAILABLE: {
    meaning: 'No PDP could be asked.',
    when:
      'No connection to any PDP came up within the deadline, the one in use broke and no other took the question, or too ' +
      'many questions were waiting.',
    action: 'Retry with backoff. Operators: see [breaker-open](../runbooks/breaker-open.md).',
  },
  PDP_TIMEOUT: {
    meaning: 'No PDP answered within the deadline.',
    when: 'The question was sent, and `pdp.deadlineMs` (of the sidecar) or `limits.decisionDeadlineMs` (of the PDP) passed.',
    action: 'Retry with backoff. Operators: see [breaker-open](../runbooks/breaker-open.md).',
  },
  PDP_BREAKER_OPEN: {
    meaning: 'PDPs failed recently, so they are not asked.',
    when: 'The circuit breaker is open or half open; the answer takes less than a millisecond.',
    action: 'Retry after `pdp.breaker.resetTimeoutMs`. Operators: see [breaker-open](../runbooks/breaker-open.md).',
  },
  PDP_REPLY_INVALID: {
    meaning: 'What came back is not a decision about this question.',
    when: 'It is empty, garbled, incomplete, contradicts itself, or echoes another request digest.',
    action: 'Retry once. If it persists, look for PDPs of an incompatible version or for something between them.',
  },
  OBLIGATION_UNSUPPORTED: {
    meaning: 'The decision allows under a condition that this sidecar cannot carry out.',
    when:
      'It carries a condition or an obligation that this surface cannot carry out (such as `max_tokens` for a call of a tool, or any at a ' +
      'gateway), one whose value is not understood, or redaction that could not be done. The message names it.',
    action: 'Update the sidecar, or change the policy that asks for the condition.',
  },
  AUDIT_UNAVAILABLE: {
    meaning: 'The decision could not be recorded, so it was not given.',
    when: "The PDP's audit chain cannot be written: disk full, cap reached, or no permission.",
    action: 'Make room or correct the permissions; deciding resumes by itself.',
  },
  SHUTTING_DOWN: {
    meaning: 'The process is draining.',
    when: 'The sidecar or the PDP got SIGTERM, SIGINT or `POST /drain`.',
    action: 'Retry; another instance, or the next one, answers.',
  },
  INTERNAL_ERROR: {
    meaning: 'A defect of Portcullis; still a denial.',
    when: 'Something threw that must not. The log at level `error` has the cause.',
    action: 'Report it with the decision id and the log line.',
  },
} as const satisfies Record<DenyCode, DenyMeaning>;
