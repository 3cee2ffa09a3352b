import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { AnalyseRequest as _portcullis_v1_AnalyseRequest, AnalyseRequest__Output as _portcullis_v1_AnalyseRequest__Output } from './portcullis/v1/AnalyseRequest.js';
import type { AnalyseResponse as _portcullis_v1_AnalyseResponse, AnalyseResponse__Output as _portcullis_v1_AnalyseResponse__Output } from './portcullis/v1/AnalyseResponse.js';
import type { RiskAnalyserClient as _portcullis_v1_RiskAnalyserClient, RiskAnalyserDefinition as _portcullis_v1_RiskAnalyserDefinition } from './portcullis/v1/RiskAnalyser.js';
import type { RiskSignal as _portcullis_v1_RiskSignal, RiskSignal__Output as _portcullis_v1_RiskSignal__Output } from './portcullis/v1/RiskSignal.js';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  portcullis: {
    v1: {
      AnalyseRequest: MessageTypeDefinition<_portcullis_v1_AnalyseRequest, _portcullis_v1_AnalyseRequest__Output>
      AnalyseResponse: MessageTypeDefinition<_portcullis_v1_AnalyseResponse, _portcullis_v1_AnalyseResponse__Output>
      RiskAnalyser: SubtypeConstructor<typeof grpc.Client, _portcullis_v1_RiskAnalyserClient> & { service: _portcullis_v1_RiskAnalyserDefinition }
      RiskSignal: MessageTypeDefinition<_portcullis_v1_RiskSignal, _portcullis_v1_RiskSignal__Output>
    }
  }
}

