// Original file: proto/gateways/ext_authz.proto

import type { Peer as _envoy_service_auth_v3_Peer, Peer__Output as _envoy_service_auth_v3_Peer__Output } from '../../../../envoy/service/auth/v3/Peer.js';
import type { Request as _envoy_service_auth_v3_Request, Request__Output as _envoy_service_auth_v3_Request__Output } from '../../../../envoy/service/auth/v3/Request.js';
import type { Metadata as _envoy_service_auth_v3_Metadata, Metadata__Output as _envoy_service_auth_v3_Metadata__Output } from '../../../../envoy/service/auth/v3/Metadata.js';

export interface AttributeContext {
  'source'?: (_envoy_service_auth_v3_Peer | null);
  'request'?: (_envoy_service_auth_v3_Request | null);
  /**
   * Of the route's configuration.
   */
  'context_extensions'?: ({[key: string]: string});
  /**
   * What the filters before have found out.
   */
  'metadata_context'?: (_envoy_service_auth_v3_Metadata | null);
}

export interface AttributeContext__Output {
  'source'?: (_envoy_service_auth_v3_Peer__Output);
  'request'?: (_envoy_service_auth_v3_Request__Output);
  /**
   * Of the route's configuration.
   */
  'context_extensions'?: ({[key: string]: string});
  /**
   * What the filters before have found out.
   */
  'metadata_context'?: (_envoy_service_auth_v3_Metadata__Output);
}
