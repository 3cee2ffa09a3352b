/** A rule whose condition could not be evaluated: wire <-> domain. */

import type { PolicyFault } from '@portcullis/policy/model';
import type * as Wire from '../wire.js';
import { ENUMS } from './enums.js';
import { type Findings, join, readEnum, readText } from './findings.js';

/** The fault as it travels. */
export function toWirePolicyFault(fault: PolicyFault): Wire.PolicyFault {
  return {
    policy: fault.policy,
    layer: ENUMS.layer.toWire[fault.layer],
    path: fault.path,
    message: fault.message,
  };
}

/** The fault as it arrived. */
export function fromWirePolicyFault(message: Wire.PolicyFault__Output, path: string, findings: Findings): PolicyFault {
  return {
    policy: readText(message.policy, join(path, 'policy'), findings),
    layer: readEnum(message.layer, ENUMS.layer, 'platform', join(path, 'layer'), findings),
    path: readText(message.path, join(path, 'path'), findings),
    message: readText(message.message, join(path, 'message'), findings),
  };
}
