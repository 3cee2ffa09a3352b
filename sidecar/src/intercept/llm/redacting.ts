/** Plugs redaction into the gateway: `redact` and `mask_fields` are carried out on prompts, answers and streams of both APIs. */

import type { CarryOut } from '../../enforce/capabilities.js';
import type { Permit } from '../../enforce/permit.js';
import type { Redactor } from '../../redact/redactor.js';
import type { TextRedaction } from '../../redact/texts.js';
import type { ContentFilters } from './content-filters.js';

/** Filters that do what decisions say. Fields are members of the JSON in texts and of what tools are given, not of the API's messages. */
export function redactingFilters(redactor: Pick<Redactor, 'texts'>, tenant: string): ContentFilters {
  const of = (permit: Permit, earlier: Permit['conditions'] = []): TextRedaction =>
    redactor.texts(together(permit.conditions, earlier), {
      tenant,
      session: permit.session_id ?? permit.decision_id,
      server: permit.server,
      decision_id: permit.decision_id,
    });
  // Read before the permit is minted: what is not understood must not be found out in the middle of an answer.
  const isUnderstood: CarryOut = (condition, decision) =>
    void redactor.texts([condition], { tenant, session: decision.decision_id, server: '' });
  return {
    capabilities: { redact: isUnderstood, mask_fields: isUnderstood },
    request: (permit) => of(permit).request,
    answer: (permit, earlier) => of(permit, earlier).response(permit.decides_output || permit.report !== undefined),
  };
}

/** Of two decisions about one request, what either orders; once. */
function together(conditions: Permit['conditions'], earlier: Permit['conditions']): Permit['conditions'] {
  const known = new Set(conditions.map((one) => JSON.stringify(one)));
  return [...conditions, ...earlier.filter((one) => !known.has(JSON.stringify(one)))];
}
