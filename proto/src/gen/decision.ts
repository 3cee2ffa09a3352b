import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { Agent as _portcullis_v1_Agent, Agent__Output as _portcullis_v1_Agent__Output } from './portcullis/v1/Agent.js';
import type { Answer as _portcullis_v1_Answer, Answer__Output as _portcullis_v1_Answer__Output } from './portcullis/v1/Answer.js';
import type { AttemptTarget as _portcullis_v1_AttemptTarget, AttemptTarget__Output as _portcullis_v1_AttemptTarget__Output } from './portcullis/v1/AttemptTarget.js';
import type { CanonicalRequest as _portcullis_v1_CanonicalRequest, CanonicalRequest__Output as _portcullis_v1_CanonicalRequest__Output } from './portcullis/v1/CanonicalRequest.js';
import type { Condition as _portcullis_v1_Condition, Condition__Output as _portcullis_v1_Condition__Output } from './portcullis/v1/Condition.js';
import type { Context as _portcullis_v1_Context, Context__Output as _portcullis_v1_Context__Output } from './portcullis/v1/Context.js';
import type { DecideRequest as _portcullis_v1_DecideRequest, DecideRequest__Output as _portcullis_v1_DecideRequest__Output } from './portcullis/v1/DecideRequest.js';
import type { DecideResponse as _portcullis_v1_DecideResponse, DecideResponse__Output as _portcullis_v1_DecideResponse__Output } from './portcullis/v1/DecideResponse.js';
import type { Decision as _portcullis_v1_Decision, Decision__Output as _portcullis_v1_Decision__Output } from './portcullis/v1/Decision.js';
import type { DecisionServiceClient as _portcullis_v1_DecisionServiceClient, DecisionServiceDefinition as _portcullis_v1_DecisionServiceDefinition } from './portcullis/v1/DecisionService.js';
import type { DenyReason as _portcullis_v1_DenyReason, DenyReason__Output as _portcullis_v1_DenyReason__Output } from './portcullis/v1/DenyReason.js';
import type { Egress as _portcullis_v1_Egress, Egress__Output as _portcullis_v1_Egress__Output } from './portcullis/v1/Egress.js';
import type { Epochs as _portcullis_v1_Epochs, Epochs__Output as _portcullis_v1_Epochs__Output } from './portcullis/v1/Epochs.js';
import type { EvaluateBatchRequest as _portcullis_v1_EvaluateBatchRequest, EvaluateBatchRequest__Output as _portcullis_v1_EvaluateBatchRequest__Output } from './portcullis/v1/EvaluateBatchRequest.js';
import type { EvaluateBatchResponse as _portcullis_v1_EvaluateBatchResponse, EvaluateBatchResponse__Output as _portcullis_v1_EvaluateBatchResponse__Output } from './portcullis/v1/EvaluateBatchResponse.js';
import type { EvaluateRequest as _portcullis_v1_EvaluateRequest, EvaluateRequest__Output as _portcullis_v1_EvaluateRequest__Output } from './portcullis/v1/EvaluateRequest.js';
import type { EvaluateResponse as _portcullis_v1_EvaluateResponse, EvaluateResponse__Output as _portcullis_v1_EvaluateResponse__Output } from './portcullis/v1/EvaluateResponse.js';
import type { Fault as _portcullis_v1_Fault, Fault__Output as _portcullis_v1_Fault__Output } from './portcullis/v1/Fault.js';
import type { IntentRisk as _portcullis_v1_IntentRisk, IntentRisk__Output as _portcullis_v1_IntentRisk__Output } from './portcullis/v1/IntentRisk.js';
import type { MatchedPolicy as _portcullis_v1_MatchedPolicy, MatchedPolicy__Output as _portcullis_v1_MatchedPolicy__Output } from './portcullis/v1/MatchedPolicy.js';
import type { ModelRequest as _portcullis_v1_ModelRequest, ModelRequest__Output as _portcullis_v1_ModelRequest__Output } from './portcullis/v1/ModelRequest.js';
import type { Obligation as _portcullis_v1_Obligation, Obligation__Output as _portcullis_v1_Obligation__Output } from './portcullis/v1/Obligation.js';
import type { Peer as _portcullis_v1_Peer, Peer__Output as _portcullis_v1_Peer__Output } from './portcullis/v1/Peer.js';
import type { Ping as _portcullis_v1_Ping, Ping__Output as _portcullis_v1_Ping__Output } from './portcullis/v1/Ping.js';
import type { PolicyFault as _portcullis_v1_PolicyFault, PolicyFault__Output as _portcullis_v1_PolicyFault__Output } from './portcullis/v1/PolicyFault.js';
import type { Question as _portcullis_v1_Question, Question__Output as _portcullis_v1_Question__Output } from './portcullis/v1/Question.js';
import type { RedactionLayers as _portcullis_v1_RedactionLayers, RedactionLayers__Output as _portcullis_v1_RedactionLayers__Output } from './portcullis/v1/RedactionLayers.js';
import type { Refusal as _portcullis_v1_Refusal, Refusal__Output as _portcullis_v1_Refusal__Output } from './portcullis/v1/Refusal.js';
import type { Reuse as _portcullis_v1_Reuse, Reuse__Output as _portcullis_v1_Reuse__Output } from './portcullis/v1/Reuse.js';
import type { SettleRequest as _portcullis_v1_SettleRequest, SettleRequest__Output as _portcullis_v1_SettleRequest__Output } from './portcullis/v1/SettleRequest.js';
import type { SettleResponse as _portcullis_v1_SettleResponse, SettleResponse__Output as _portcullis_v1_SettleResponse__Output } from './portcullis/v1/SettleResponse.js';
import type { Settlement as _portcullis_v1_Settlement, Settlement__Output as _portcullis_v1_Settlement__Output } from './portcullis/v1/Settlement.js';
import type { StringList as _portcullis_v1_StringList, StringList__Output as _portcullis_v1_StringList__Output } from './portcullis/v1/StringList.js';
import type { Tool as _portcullis_v1_Tool, Tool__Output as _portcullis_v1_Tool__Output } from './portcullis/v1/Tool.js';
import type { Usage as _portcullis_v1_Usage, Usage__Output as _portcullis_v1_Usage__Output } from './portcullis/v1/Usage.js';
import type { User as _portcullis_v1_User, User__Output as _portcullis_v1_User__Output } from './portcullis/v1/User.js';
import type { WatchEvent as _portcullis_v1_WatchEvent, WatchEvent__Output as _portcullis_v1_WatchEvent__Output } from './portcullis/v1/WatchEvent.js';
import type { WatchRequest as _portcullis_v1_WatchRequest, WatchRequest__Output as _portcullis_v1_WatchRequest__Output } from './portcullis/v1/WatchRequest.js';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  portcullis: {
    v1: {
      Agent: MessageTypeDefinition<_portcullis_v1_Agent, _portcullis_v1_Agent__Output>
      Answer: MessageTypeDefinition<_portcullis_v1_Answer, _portcullis_v1_Answer__Output>
      Arm: EnumTypeDefinition
      AttemptKind: EnumTypeDefinition
      AttemptTarget: MessageTypeDefinition<_portcullis_v1_AttemptTarget, _portcullis_v1_AttemptTarget__Output>
      BundleFreshness: EnumTypeDefinition
      CanonicalRequest: MessageTypeDefinition<_portcullis_v1_CanonicalRequest, _portcullis_v1_CanonicalRequest__Output>
      Condition: MessageTypeDefinition<_portcullis_v1_Condition, _portcullis_v1_Condition__Output>
      ConditionType: EnumTypeDefinition
      Context: MessageTypeDefinition<_portcullis_v1_Context, _portcullis_v1_Context__Output>
      DecideRequest: MessageTypeDefinition<_portcullis_v1_DecideRequest, _portcullis_v1_DecideRequest__Output>
      DecideResponse: MessageTypeDefinition<_portcullis_v1_DecideResponse, _portcullis_v1_DecideResponse__Output>
      Decision: MessageTypeDefinition<_portcullis_v1_Decision, _portcullis_v1_Decision__Output>
      DecisionEffect: EnumTypeDefinition
      DecisionService: SubtypeConstructor<typeof grpc.Client, _portcullis_v1_DecisionServiceClient> & { service: _portcullis_v1_DecisionServiceDefinition }
      DenyCode: EnumTypeDefinition
      DenyReason: MessageTypeDefinition<_portcullis_v1_DenyReason, _portcullis_v1_DenyReason__Output>
      Egress: MessageTypeDefinition<_portcullis_v1_Egress, _portcullis_v1_Egress__Output>
      EnforcementOutcome: EnumTypeDefinition
      Environment: EnumTypeDefinition
      Epochs: MessageTypeDefinition<_portcullis_v1_Epochs, _portcullis_v1_Epochs__Output>
      EvaluateBatchRequest: MessageTypeDefinition<_portcullis_v1_EvaluateBatchRequest, _portcullis_v1_EvaluateBatchRequest__Output>
      EvaluateBatchResponse: MessageTypeDefinition<_portcullis_v1_EvaluateBatchResponse, _portcullis_v1_EvaluateBatchResponse__Output>
      EvaluateRequest: MessageTypeDefinition<_portcullis_v1_EvaluateRequest, _portcullis_v1_EvaluateRequest__Output>
      EvaluateResponse: MessageTypeDefinition<_portcullis_v1_EvaluateResponse, _portcullis_v1_EvaluateResponse__Output>
      Fault: MessageTypeDefinition<_portcullis_v1_Fault, _portcullis_v1_Fault__Output>
      IntentRisk: MessageTypeDefinition<_portcullis_v1_IntentRisk, _portcullis_v1_IntentRisk__Output>
      Layer: EnumTypeDefinition
      MatchedPolicy: MessageTypeDefinition<_portcullis_v1_MatchedPolicy, _portcullis_v1_MatchedPolicy__Output>
      ModelRequest: MessageTypeDefinition<_portcullis_v1_ModelRequest, _portcullis_v1_ModelRequest__Output>
      Obligation: MessageTypeDefinition<_portcullis_v1_Obligation, _portcullis_v1_Obligation__Output>
      Peer: MessageTypeDefinition<_portcullis_v1_Peer, _portcullis_v1_Peer__Output>
      Ping: MessageTypeDefinition<_portcullis_v1_Ping, _portcullis_v1_Ping__Output>
      PolicyFault: MessageTypeDefinition<_portcullis_v1_PolicyFault, _portcullis_v1_PolicyFault__Output>
      Question: MessageTypeDefinition<_portcullis_v1_Question, _portcullis_v1_Question__Output>
      RedactionLayers: MessageTypeDefinition<_portcullis_v1_RedactionLayers, _portcullis_v1_RedactionLayers__Output>
      Refusal: MessageTypeDefinition<_portcullis_v1_Refusal, _portcullis_v1_Refusal__Output>
      Reuse: MessageTypeDefinition<_portcullis_v1_Reuse, _portcullis_v1_Reuse__Output>
      RiskDecision: EnumTypeDefinition
      RuleEffect: EnumTypeDefinition
      SettleRequest: MessageTypeDefinition<_portcullis_v1_SettleRequest, _portcullis_v1_SettleRequest__Output>
      SettleResponse: MessageTypeDefinition<_portcullis_v1_SettleResponse, _portcullis_v1_SettleResponse__Output>
      Settlement: MessageTypeDefinition<_portcullis_v1_Settlement, _portcullis_v1_Settlement__Output>
      Source: EnumTypeDefinition
      StringList: MessageTypeDefinition<_portcullis_v1_StringList, _portcullis_v1_StringList__Output>
      Tool: MessageTypeDefinition<_portcullis_v1_Tool, _portcullis_v1_Tool__Output>
      Usage: MessageTypeDefinition<_portcullis_v1_Usage, _portcullis_v1_Usage__Output>
      User: MessageTypeDefinition<_portcullis_v1_User, _portcullis_v1_User__Output>
      WatchEvent: MessageTypeDefinition<_portcullis_v1_WatchEvent, _portcullis_v1_WatchEvent__Output>
      WatchRequest: MessageTypeDefinition<_portcullis_v1_WatchRequest, _portcullis_v1_WatchRequest__Output>
    }
  }
}

