/** One reason for a denial: wire <-> domain. */

import type { DenyReason } from '@portcullis/policy/model';
import type * as Wire from '../wire.js';
import { ENUMS } from './enums.js';
import { type Findings, join, readEnum, readText } from './findings.js';

/** The reason as it travels. */
export function toWireDenyReason(reason: DenyReason): Wire.DenyReason {
  const message: Wire.DenyReason = {
    code: ENUMS.denyCode.toWire[reason.code],
    message: reason.message,
    path: reason.path,
  };
  if (reason.reason_code !== undefined) message.reason_code = reason.reason_code;
  return message;
}

/** The reason as it arrived. */
export function fromWireDenyReason(message: Wire.DenyReason__Output, path: string, findings: Findings): DenyReason {
  const reason = {
    code: readEnum(message.code, ENUMS.denyCode, 'INTERNAL_ERROR', join(path, 'code'), findings),
    message: readText(message.message, join(path, 'message'), findings),
    path: readText(message.path, join(path, 'path'), findings),
  };
  if (message.reason_code === undefined) return reason;
  return { ...reason, reason_code: readText(message.reason_code, join(path, 'reason_code'), findings) };
}
