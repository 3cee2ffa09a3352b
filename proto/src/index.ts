/** The contract between processes. */
export { fromWireRequest, toWireRequest } from './codec/canonical-request.js';
export { type EpochedDecision, fromWireDecision, toWireDecision } from './codec/decision.js';
export type { BundleFreshness, EnforcementOutcome } from './codec/enums.js';
export { fromWireFault, toWireFault, type UndecidedReason } from './codec/fault.js';
export { fromWireRefusal, MAX_REFUSAL_TEXT, type RefusalReport, toWireRefusal } from './codec/refusal.js';
export {
  argumentsDigestHex,
  DIGEST_BYTES,
  jsonDigestHex,
  requestDigest,
  requestDigestHex,
} from './codec/request-digest.js';
export { fromWireReuse, type ReuseReport, toWireReuse } from './codec/reuse.js';
export {
  fromWireSettlement,
  type ReportedResult,
  type ReportedUsage,
  type SettlementReport,
  toWireSettlement,
} from './codec/settlement.js';
export { fromWireWatchEvent, toWireWatchEvent, type WatchReport } from './codec/watch-event.js';
export { DECISION_SERVICE_NAME, loadDecisionPackage, loadDecisionService } from './decision-service.js';
export { type Epochs, isBehind, sameEpochs } from './epochs.js';
export { type GatewayServices, loadGatewayServices } from './gateway-services.js';
export type * as GatewayWire from './gateway-wire.js';
export { type ApproverIdentity, type PeerIdentity, parseApproverIdentity, parsePeerIdentity } from './identity.js';
export { createRequestParser, parseCanonicalRequest, type RequestParser } from './request-parser.js';
export { loadRiskAnalyser, RISK_ANALYSER_NAME } from './risk-analyser.js';
export type * as Wire from './wire.js';
