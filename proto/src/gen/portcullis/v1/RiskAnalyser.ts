// Original file: proto/portcullis/v1/risk_analyser.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { AnalyseRequest as _portcullis_v1_AnalyseRequest, AnalyseRequest__Output as _portcullis_v1_AnalyseRequest__Output } from '../../portcullis/v1/AnalyseRequest.js';
import type { AnalyseResponse as _portcullis_v1_AnalyseResponse, AnalyseResponse__Output as _portcullis_v1_AnalyseResponse__Output } from '../../portcullis/v1/AnalyseResponse.js';

export interface RiskAnalyserClient extends grpc.Client {
  /**
   * Idempotent; asked once per attempt, with a deadline. An error, or nothing in time, is no answer.
   */
  Analyse(argument: _portcullis_v1_AnalyseRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_portcullis_v1_AnalyseResponse__Output>): grpc.ClientUnaryCall;
  Analyse(argument: _portcullis_v1_AnalyseRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_portcullis_v1_AnalyseResponse__Output>): grpc.ClientUnaryCall;
  Analyse(argument: _portcullis_v1_AnalyseRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_portcullis_v1_AnalyseResponse__Output>): grpc.ClientUnaryCall;
  Analyse(argument: _portcullis_v1_AnalyseRequest, callback: grpc.requestCallback<_portcullis_v1_AnalyseResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Idempotent; asked once per attempt, with a deadline. An error, or nothing in time, is no answer.
   */
  analyse(argument: _portcullis_v1_AnalyseRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_portcullis_v1_AnalyseResponse__Output>): grpc.ClientUnaryCall;
  analyse(argument: _portcullis_v1_AnalyseRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_portcullis_v1_AnalyseResponse__Output>): grpc.ClientUnaryCall;
  analyse(argument: _portcullis_v1_AnalyseRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_portcullis_v1_AnalyseResponse__Output>): grpc.ClientUnaryCall;
  analyse(argument: _portcullis_v1_AnalyseRequest, callback: grpc.requestCallback<_portcullis_v1_AnalyseResponse__Output>): grpc.ClientUnaryCall;
  
}

export interface RiskAnalyserHandlers extends grpc.UntypedServiceImplementation {
  /**
   * Idempotent; asked once per attempt, with a deadline. An error, or nothing in time, is no answer.
   */
  Analyse: grpc.handleUnaryCall<_portcullis_v1_AnalyseRequest__Output, _portcullis_v1_AnalyseResponse>;
  
}

export interface RiskAnalyserDefinition extends grpc.ServiceDefinition {
  Analyse: MethodDefinition<_portcullis_v1_AnalyseRequest, _portcullis_v1_AnalyseResponse, _portcullis_v1_AnalyseRequest__Output, _portcullis_v1_AnalyseResponse__Output>
}
