import { CUMULATIVE_AMOUNT } from './analysers/cumulative-amount.js';
import { DESTRUCTIVE_OPERATION } from './analysers/destructive-operation.js';
import { ESCALATION_CHAIN } from './analysers/escalation-chain.js';
import { EXFILTRATION_SEQUENCE } from './analysers/exfiltration-sequence.js';
import { INJECTED_INSTRUCTIONS } from './analysers/injected-instructions.js';
import { NEW_DESTINATION } from './analysers/new-destination.js';
import { REPEATED_DENIALS } from './analysers/repeated-denials.js';
import { REPORTED_RISK } from './analysers/reported-risk.js';
import { SCOPE_VIOLATION } from './analysers/scope-violation.js';
import { PERSONAL_DATA_OUTBOUND, SECRET_OUTBOUND } from './analysers/sensitive-content.js';
import { UNSCANNED_CONTENT } from './analysers/unscanned-content.js';
import { UNTRUSTED_ARGUMENTS } from './analysers/untrusted-arguments.js';
import { UNUSUAL_TOOL } from './analysers/unusual-tool.js';
import { UNUSUAL_VOLUME } from './analysers/unusual-volume.js';
import type { Analyser } from './signal.js';

/** Every signal, in the order in which explanations name them when their scores are equal. */
export const ANALYSERS: readonly Analyser[] = [
  SCOPE_VIOLATION,
  INJECTED_INSTRUCTIONS,
  UNTRUSTED_ARGUMENTS,
  EXFILTRATION_SEQUENCE,
  SECRET_OUTBOUND,
  PERSONAL_DATA_OUTBOUND,
  NEW_DESTINATION,
  ESCALATION_CHAIN,
  DESTRUCTIVE_OPERATION,
  REPEATED_DENIALS,
  UNUSUAL_TOOL,
  UNUSUAL_VOLUME,
  CUMULATIVE_AMOUNT,
  UNSCANNED_CONTENT,
  REPORTED_RISK,
];
