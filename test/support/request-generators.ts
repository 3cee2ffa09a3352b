import type { ContextualRequest, Json } from '@portcullis/policy/model';
import * as fc from 'fast-check';
import { ADDRESSES, HOSTS, number, text, time } from './leaf-generators.js';

/** A value of the right type most of the time, absent often, and of any wrong type now and then. */
function sometimes(right: fc.Arbitrary<Json>): fc.Arbitrary<Json | undefined> {
  const wrong = fc.constantFrom<Json>(null, 7, 'a', true, [], ['a'], ['a', 1], {}, { r: 'a' }, [[]]);
  return fc.oneof(
    { weight: 8, arbitrary: right },
    { weight: 3, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: wrong },
  );
}

function members(shape: Readonly<Record<string, fc.Arbitrary<Json | undefined>>>): fc.Arbitrary<Json> {
  return fc.record(shape).map((record): Json => {
    const present = Object.entries(record).filter((entry): entry is [string, Json] => entry[1] !== undefined);
    return Object.fromEntries(present);
  });
}

/** Approvals name holds by the place that {@link bundle} gives them. */
const hold = fc
  .tuple(fc.constantFrom('platform', 'tenant', 'workspace'), fc.nat(3), fc.nat(7))
  .map(([layer, set, policy]): Json => `${layer}/s${set}/p${String(policy).padStart(3, '0')}-s${set}`);

/** Requests around the rules above, malformed ones included: the engine has to stand them. */
export function request(): fc.Arbitrary<ContextualRequest> {
  const open: fc.Arbitrary<Json> = fc.oneof(
    { weight: 3, arbitrary: text },
    number,
    fc.boolean(),
    time,
    fc.constantFrom<Json>(...ADDRESSES, ...HOSTS),
    fc.constantFrom<Json>(['a', 'b'], [1, 2], ['a', 1], ['ab', 'a/'], { r: 'a' }, null),
  );
  const element = fc.oneof(open, members({ r: sometimes(open), s: sometimes(fc.array(open, { maxLength: 2 })) }));
  const texts = fc.array(text, { maxLength: 3 });
  return members({
    version: fc.constant('1.0'),
    tenant_id: sometimes(fc.constantFrom('t1', 't2')),
    source: fc.constantFrom('mcp_proxy', 'llm_proxy', 'egress_proxy'),
    kind: fc.option(fc.constantFrom('tool_call', 'inference', 'egress'), { nil: undefined }),
    agent: sometimes(
      members({
        id: sometimes(text),
        trust_level: sometimes(number),
        attributes: sometimes(
          members({
            'x.y': sometimes(open),
            x: sometimes(members({ y: sometimes(open) })),
            home: sometimes(fc.constantFrom(...ADDRESSES)),
            groups: sometimes(texts),
            ports: sometimes(fc.array(number, { maxLength: 3 })),
          }),
        ),
      }),
    ),
    tool: sometimes(
      members({
        name: sometimes(text),
        arguments: sometimes(
          members({
            p: sometimes(open),
            q: sometimes(members({ r: sometimes(open) })),
            l: sometimes(fc.array(element, { maxLength: 3 })),
            m: sometimes(
              fc.array(
                sometimes(fc.array(open, { maxLength: 2 })).map((one) => one ?? []),
                { maxLength: 2 },
              ),
            ),
            'w[any]': sometimes(open),
          }),
        ),
        attributes: sometimes(
          members({ level: sometimes(fc.constantFrom('low', 'high', 'a')), cost: sometimes(number) }),
        ),
      }),
    ),
    user: sometimes(members({ team: sometimes(text), attributes: sometimes(members({ since: sometimes(time) })) })),
    request: sometimes(members({ max_tokens: sometimes(number), stream: sometimes(fc.boolean()) })),
    egress: sometimes(
      members({
        host: sometimes(fc.constantFrom(...HOSTS)),
        resolved_ips: sometimes(fc.array(fc.constantFrom<Json>(...ADDRESSES), { maxLength: 3 })),
      }),
    ),
    context: sometimes(
      members({
        timestamp: sometimes(time),
        ip: sometimes(fc.constantFrom(...ADDRESSES)),
        environment: sometimes(fc.constantFrom('dev', 'staging', 'prod')),
        workspace_id: sometimes(fc.constantFrom('w1', 'w2')),
        labels: sometimes(texts),
        approval: sometimes(members({ granted: sometimes(fc.array(hold, { maxLength: 12 })) })),
      }),
    ),
    facts: sometimes(
      members({
        sinks: sometimes(texts),
        history: sometimes(
          fc.array(
            sometimes(members({ tool: sometimes(text), at: sometimes(time) })).map((one) => one ?? {}),
            { maxLength: 2 },
          ),
        ),
      }),
    ),
    intent_risk: sometimes(
      members({
        risk_dimensions: sometimes(members({ x: sometimes(number) })),
        behavioral_signals: sometimes(
          fc.array(
            sometimes(members({ signal_type: sometimes(text) })).map((one) => one ?? {}),
            { maxLength: 2 },
          ),
        ),
      }),
    ),
  }) as unknown as fc.Arbitrary<ContextualRequest>;
}
