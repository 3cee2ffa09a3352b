/** A rule that took part in the outcome: wire <-> domain. */

import type { MatchedPolicy } from '@portcullis/policy/model';
import type * as Wire from '../wire.js';
import { ENUMS } from './enums.js';
import { type Findings, join, readEnum, readList, readText } from './findings.js';

/** The rule as it travels. */
export function toWireMatchedPolicy(matched: MatchedPolicy): Wire.MatchedPolicy {
  return {
    policy: matched.policy,
    version: matched.version,
    layer: ENUMS.layer.toWire[matched.layer],
    effect: ENUMS.ruleEffect.toWire[matched.effect],
    conditions: [...matched.conditions],
  };
}

/** The rule as it arrived. */
export function fromWireMatchedPolicy(
  message: Wire.MatchedPolicy__Output,
  path: string,
  findings: Findings,
): MatchedPolicy {
  return {
    policy: readText(message.policy, join(path, 'policy'), findings),
    version: readText(message.version, join(path, 'version'), findings),
    layer: readEnum(message.layer, ENUMS.layer, 'platform', join(path, 'layer'), findings),
    effect: readEnum(message.effect, ENUMS.ruleEffect, 'deny', join(path, 'effect'), findings),
    conditions: readList(message.conditions, join(path, 'conditions'), findings, readText),
  };
}
