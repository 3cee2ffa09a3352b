/**
 * The wire vocabulary: what proto-loader takes and yields. `X` is what may be sent, `X__Output` what arrives.
 * The types promise less than they say: an enum value that this version does not know arrives as a bare number, and any
 * field may be absent. Only `codec/` reads them; everybody else uses the domain types of `policy/model`.
 */
export type { Agent, Agent__Output } from './gen/portcullis/v1/Agent.js';
export type { AnalyseRequest, AnalyseRequest__Output } from './gen/portcullis/v1/AnalyseRequest.js';
export type { AnalyseResponse, AnalyseResponse__Output } from './gen/portcullis/v1/AnalyseResponse.js';
export type { Answer, Answer__Output } from './gen/portcullis/v1/Answer.js';
export type { Arm__Output } from './gen/portcullis/v1/Arm.js';
export type { AttemptKind__Output } from './gen/portcullis/v1/AttemptKind.js';
export type { AttemptTarget, AttemptTarget__Output } from './gen/portcullis/v1/AttemptTarget.js';
export type { BundleFreshness__Output } from './gen/portcullis/v1/BundleFreshness.js';
export type { CanonicalRequest, CanonicalRequest__Output } from './gen/portcullis/v1/CanonicalRequest.js';
export type { Condition, Condition__Output } from './gen/portcullis/v1/Condition.js';
export type { ConditionType__Output } from './gen/portcullis/v1/ConditionType.js';
export type { Context, Context__Output } from './gen/portcullis/v1/Context.js';
export type { DecideRequest, DecideRequest__Output } from './gen/portcullis/v1/DecideRequest.js';
export type { DecideResponse, DecideResponse__Output } from './gen/portcullis/v1/DecideResponse.js';
export type { Decision, Decision__Output } from './gen/portcullis/v1/Decision.js';
export type { DecisionEffect__Output } from './gen/portcullis/v1/DecisionEffect.js';
export type {
  DecisionServiceClient,
  DecisionServiceDefinition,
  DecisionServiceHandlers,
} from './gen/portcullis/v1/DecisionService.js';
export type { DenyCode__Output } from './gen/portcullis/v1/DenyCode.js';
export type { DenyReason, DenyReason__Output } from './gen/portcullis/v1/DenyReason.js';
export type { Egress, Egress__Output } from './gen/portcullis/v1/Egress.js';
export type { EnforcementOutcome__Output } from './gen/portcullis/v1/EnforcementOutcome.js';
export type { Environment__Output } from './gen/portcullis/v1/Environment.js';
export type { Epochs, Epochs__Output } from './gen/portcullis/v1/Epochs.js';
export type { EvaluateBatchRequest, EvaluateBatchRequest__Output } from './gen/portcullis/v1/EvaluateBatchRequest.js';
export type {
  EvaluateBatchResponse,
  EvaluateBatchResponse__Output,
} from './gen/portcullis/v1/EvaluateBatchResponse.js';
export type { EvaluateRequest, EvaluateRequest__Output } from './gen/portcullis/v1/EvaluateRequest.js';
export type { EvaluateResponse, EvaluateResponse__Output } from './gen/portcullis/v1/EvaluateResponse.js';
export type { Fault, Fault__Output } from './gen/portcullis/v1/Fault.js';
export type { IntentRisk, IntentRisk__Output } from './gen/portcullis/v1/IntentRisk.js';
export type { Layer__Output } from './gen/portcullis/v1/Layer.js';
export type { MatchedPolicy, MatchedPolicy__Output } from './gen/portcullis/v1/MatchedPolicy.js';
export type { ModelRequest, ModelRequest__Output } from './gen/portcullis/v1/ModelRequest.js';
export type { Obligation, Obligation__Output } from './gen/portcullis/v1/Obligation.js';
export type { Peer, Peer__Output } from './gen/portcullis/v1/Peer.js';
export type { PolicyFault, PolicyFault__Output } from './gen/portcullis/v1/PolicyFault.js';
export type { Question, Question__Output } from './gen/portcullis/v1/Question.js';
export type { RedactionLayers, RedactionLayers__Output } from './gen/portcullis/v1/RedactionLayers.js';
export type { Refusal, Refusal__Output } from './gen/portcullis/v1/Refusal.js';
export type { Reuse, Reuse__Output } from './gen/portcullis/v1/Reuse.js';
export type { RiskDecision__Output } from './gen/portcullis/v1/RiskDecision.js';
export type { RuleEffect__Output } from './gen/portcullis/v1/RuleEffect.js';
export type { Settlement, Settlement__Output } from './gen/portcullis/v1/Settlement.js';
export type { SettleRequest, SettleRequest__Output } from './gen/portcullis/v1/SettleRequest.js';
export type { SettleResponse, SettleResponse__Output } from './gen/portcullis/v1/SettleResponse.js';
export type { Source__Output } from './gen/portcullis/v1/Source.js';
export type { Tool, Tool__Output } from './gen/portcullis/v1/Tool.js';
export type { Usage, Usage__Output } from './gen/portcullis/v1/Usage.js';
export type { User, User__Output } from './gen/portcullis/v1/User.js';
export type { WatchEvent, WatchEvent__Output } from './gen/portcullis/v1/WatchEvent.js';
export type { WatchRequest, WatchRequest__Output } from './gen/portcullis/v1/WatchRequest.js';
