// Original file: proto/portcullis/v1/decision.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { DecideRequest as _portcullis_v1_DecideRequest, DecideRequest__Output as _portcullis_v1_DecideRequest__Output } from '../../portcullis/v1/DecideRequest.js';
import type { DecideResponse as _portcullis_v1_DecideResponse, DecideResponse__Output as _portcullis_v1_DecideResponse__Output } from '../../portcullis/v1/DecideResponse.js';
import type { EvaluateBatchRequest as _portcullis_v1_EvaluateBatchRequest, EvaluateBatchRequest__Output as _portcullis_v1_EvaluateBatchRequest__Output } from '../../portcullis/v1/EvaluateBatchRequest.js';
import type { EvaluateBatchResponse as _portcullis_v1_EvaluateBatchResponse, EvaluateBatchResponse__Output as _portcullis_v1_EvaluateBatchResponse__Output } from '../../portcullis/v1/EvaluateBatchResponse.js';
import type { EvaluateRequest as _portcullis_v1_EvaluateRequest, EvaluateRequest__Output as _portcullis_v1_EvaluateRequest__Output } from '../../portcullis/v1/EvaluateRequest.js';
import type { EvaluateResponse as _portcullis_v1_EvaluateResponse, EvaluateResponse__Output as _portcullis_v1_EvaluateResponse__Output } from '../../portcullis/v1/EvaluateResponse.js';
import type { SettleRequest as _portcullis_v1_SettleRequest, SettleRequest__Output as _portcullis_v1_SettleRequest__Output } from '../../portcullis/v1/SettleRequest.js';
import type { SettleResponse as _portcullis_v1_SettleResponse, SettleResponse__Output as _portcullis_v1_SettleResponse__Output } from '../../portcullis/v1/SettleResponse.js';
import type { WatchEvent as _portcullis_v1_WatchEvent, WatchEvent__Output as _portcullis_v1_WatchEvent__Output } from '../../portcullis/v1/WatchEvent.js';
import type { WatchRequest as _portcullis_v1_WatchRequest, WatchRequest__Output as _portcullis_v1_WatchRequest__Output } from '../../portcullis/v1/WatchRequest.js';

export interface DecisionServiceClient extends grpc.Client {
  /**
   * The sidecar's hot path: many questions in flight on one stream, answered in any order, matched by id.
   */
  Decide(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_portcullis_v1_DecideRequest, _portcullis_v1_DecideResponse__Output>;
  Decide(options?: grpc.CallOptions): grpc.ClientDuplexStream<_portcullis_v1_DecideRequest, _portcullis_v1_DecideResponse__Output>;
  /**
   * The sidecar's hot path: many questions in flight on one stream, answered in any order, matched by id.
   */
  decide(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_portcullis_v1_DecideRequest, _portcullis_v1_DecideResponse__Output>;
  decide(options?: grpc.CallOptions): grpc.ClientDuplexStream<_portcullis_v1_DecideRequest, _portcullis_v1_DecideResponse__Output>;
  
  /**
   * Decides one request. Idempotent: a retry or a hedge has no second effect.
   */
  Evaluate(argument: _portcullis_v1_EvaluateRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_portcullis_v1_EvaluateResponse__Output>): grpc.ClientUnaryCall;
  Evaluate(argument: _portcullis_v1_EvaluateRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_portcullis_v1_EvaluateResponse__Output>): grpc.ClientUnaryCall;
  Evaluate(argument: _portcullis_v1_EvaluateRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_portcullis_v1_EvaluateResponse__Output>): grpc.ClientUnaryCall;
  Evaluate(argument: _portcullis_v1_EvaluateRequest, callback: grpc.requestCallback<_portcullis_v1_EvaluateResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Decides one request. Idempotent: a retry or a hedge has no second effect.
   */
  evaluate(argument: _portcullis_v1_EvaluateRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_portcullis_v1_EvaluateResponse__Output>): grpc.ClientUnaryCall;
  evaluate(argument: _portcullis_v1_EvaluateRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_portcullis_v1_EvaluateResponse__Output>): grpc.ClientUnaryCall;
  evaluate(argument: _portcullis_v1_EvaluateRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_portcullis_v1_EvaluateResponse__Output>): grpc.ClientUnaryCall;
  evaluate(argument: _portcullis_v1_EvaluateRequest, callback: grpc.requestCallback<_portcullis_v1_EvaluateResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Decides up to 256 requests, answered in order, each on its own: one bad request does not spoil the others.
   */
  EvaluateBatch(argument: _portcullis_v1_EvaluateBatchRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_portcullis_v1_EvaluateBatchResponse__Output>): grpc.ClientUnaryCall;
  EvaluateBatch(argument: _portcullis_v1_EvaluateBatchRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_portcullis_v1_EvaluateBatchResponse__Output>): grpc.ClientUnaryCall;
  EvaluateBatch(argument: _portcullis_v1_EvaluateBatchRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_portcullis_v1_EvaluateBatchResponse__Output>): grpc.ClientUnaryCall;
  EvaluateBatch(argument: _portcullis_v1_EvaluateBatchRequest, callback: grpc.requestCallback<_portcullis_v1_EvaluateBatchResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Decides up to 256 requests, answered in order, each on its own: one bad request does not spoil the others.
   */
  evaluateBatch(argument: _portcullis_v1_EvaluateBatchRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_portcullis_v1_EvaluateBatchResponse__Output>): grpc.ClientUnaryCall;
  evaluateBatch(argument: _portcullis_v1_EvaluateBatchRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_portcullis_v1_EvaluateBatchResponse__Output>): grpc.ClientUnaryCall;
  evaluateBatch(argument: _portcullis_v1_EvaluateBatchRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_portcullis_v1_EvaluateBatchResponse__Output>): grpc.ClientUnaryCall;
  evaluateBatch(argument: _portcullis_v1_EvaluateBatchRequest, callback: grpc.requestCallback<_portcullis_v1_EvaluateBatchResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Reports what became of decisions: forwarded, refused, failed; and what was really used.
   */
  Settle(argument: _portcullis_v1_SettleRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_portcullis_v1_SettleResponse__Output>): grpc.ClientUnaryCall;
  Settle(argument: _portcullis_v1_SettleRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_portcullis_v1_SettleResponse__Output>): grpc.ClientUnaryCall;
  Settle(argument: _portcullis_v1_SettleRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_portcullis_v1_SettleResponse__Output>): grpc.ClientUnaryCall;
  Settle(argument: _portcullis_v1_SettleRequest, callback: grpc.requestCallback<_portcullis_v1_SettleResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Reports what became of decisions: forwarded, refused, failed; and what was really used.
   */
  settle(argument: _portcullis_v1_SettleRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_portcullis_v1_SettleResponse__Output>): grpc.ClientUnaryCall;
  settle(argument: _portcullis_v1_SettleRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_portcullis_v1_SettleResponse__Output>): grpc.ClientUnaryCall;
  settle(argument: _portcullis_v1_SettleRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_portcullis_v1_SettleResponse__Output>): grpc.ClientUnaryCall;
  settle(argument: _portcullis_v1_SettleRequest, callback: grpc.requestCallback<_portcullis_v1_SettleResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Epochs and releases as they change; the current state first.
   */
  Watch(argument: _portcullis_v1_WatchRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_portcullis_v1_WatchEvent__Output>;
  Watch(argument: _portcullis_v1_WatchRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_portcullis_v1_WatchEvent__Output>;
  /**
   * Epochs and releases as they change; the current state first.
   */
  watch(argument: _portcullis_v1_WatchRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_portcullis_v1_WatchEvent__Output>;
  watch(argument: _portcullis_v1_WatchRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_portcullis_v1_WatchEvent__Output>;
  
}

export interface DecisionServiceHandlers extends grpc.UntypedServiceImplementation {
  /**
   * The sidecar's hot path: many questions in flight on one stream, answered in any order, matched by id.
   */
  Decide: grpc.handleBidiStreamingCall<_portcullis_v1_DecideRequest__Output, _portcullis_v1_DecideResponse>;
  
  /**
   * Decides one request. Idempotent: a retry or a hedge has no second effect.
   */
  Evaluate: grpc.handleUnaryCall<_portcullis_v1_EvaluateRequest__Output, _portcullis_v1_EvaluateResponse>;
  
  /**
   * Decides up to 256 requests, answered in order, each on its own: one bad request does not spoil the others.
   */
  EvaluateBatch: grpc.handleUnaryCall<_portcullis_v1_EvaluateBatchRequest__Output, _portcullis_v1_EvaluateBatchResponse>;
  
  /**
   * Reports what became of decisions: forwarded, refused, failed; and what was really used.
   */
  Settle: grpc.handleUnaryCall<_portcullis_v1_SettleRequest__Output, _portcullis_v1_SettleResponse>;
  
  /**
   * Epochs and releases as they change; the current state first.
   */
  Watch: grpc.handleServerStreamingCall<_portcullis_v1_WatchRequest__Output, _portcullis_v1_WatchEvent>;
  
}

export interface DecisionServiceDefinition extends grpc.ServiceDefinition {
  Decide: MethodDefinition<_portcullis_v1_DecideRequest, _portcullis_v1_DecideResponse, _portcullis_v1_DecideRequest__Output, _portcullis_v1_DecideResponse__Output>
  Evaluate: MethodDefinition<_portcullis_v1_EvaluateRequest, _portcullis_v1_EvaluateResponse, _portcullis_v1_EvaluateRequest__Output, _portcullis_v1_EvaluateResponse__Output>
  EvaluateBatch: MethodDefinition<_portcullis_v1_EvaluateBatchRequest, _portcullis_v1_EvaluateBatchResponse, _portcullis_v1_EvaluateBatchRequest__Output, _portcullis_v1_EvaluateBatchResponse__Output>
  Settle: MethodDefinition<_portcullis_v1_SettleRequest, _portcullis_v1_SettleResponse, _portcullis_v1_SettleRequest__Output, _portcullis_v1_SettleResponse__Output>
  Watch: MethodDefinition<_portcullis_v1_WatchRequest, _portcullis_v1_WatchEvent, _portcullis_v1_WatchRequest__Output, _portcullis_v1_WatchEvent__Output>
}
