/** A question that could not be decided: wire <-> domain. Always a denial. */

import type { DenyCode } from '@portcullis/policy/model';
import type * as Wire from '../wire.js';
import { ENUMS } from './enums.js';

/** Why a question could not be decided. */
export interface UndecidedReason {
  readonly code: DenyCode;
  /** For operators, without payloads. */
  readonly message: string;
}

/** The fault as it travels. */
export function toWireFault(reason: UndecidedReason): Wire.Fault {
  return { code: ENUMS.denyCode.toWire[reason.code], message: reason.message };
}

/** The fault as it arrived. Cannot fail: a code that this version does not know is `PDP_REPLY_INVALID`. */
export function fromWireFault(message: Wire.Fault__Output): UndecidedReason {
  return {
    code: ENUMS.denyCode.fromWire.get(message.code) ?? 'PDP_REPLY_INVALID',
    message: typeof message.message === 'string' ? message.message : '',
  };
}
