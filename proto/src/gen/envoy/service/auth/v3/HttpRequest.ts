// Original file: proto/gateways/ext_authz.proto

import type { HeaderMap as _envoy_service_auth_v3_HeaderMap, HeaderMap__Output as _envoy_service_auth_v3_HeaderMap__Output } from '../../../../envoy/service/auth/v3/HeaderMap.js';
import type { Long } from '@grpc/proto-loader';

export interface HttpRequest {
  'id'?: (string);
  'method'?: (string);
  /**
   * Lower-case names; values of the same name are joined by commas.
   */
  'headers'?: ({[key: string]: string});
  /**
   * The request target as it arrived, with its query.
   */
  'path'?: (string);
  'host'?: (string);
  'scheme'?: (string);
  /**
   * -1 when it is not known.
   */
  'size'?: (number | string | Long);
  'protocol'?: (string);
  /**
   * Cleaned to be text: not what the upstream receives.
   */
  'body'?: (string);
  'raw_body'?: (Buffer | Uint8Array | string);
  /**
   * In place of `headers`, where Envoy is told so.
   */
  'header_map'?: (_envoy_service_auth_v3_HeaderMap | null);
}

export interface HttpRequest__Output {
  'id'?: (string);
  'method'?: (string);
  /**
   * Lower-case names; values of the same name are joined by commas.
   */
  'headers'?: ({[key: string]: string});
  /**
   * The request target as it arrived, with its query.
   */
  'path'?: (string);
  'host'?: (string);
  'scheme'?: (string);
  /**
   * -1 when it is not known.
   */
  'size'?: (string);
  'protocol'?: (string);
  /**
   * Cleaned to be text: not what the upstream receives.
   */
  'body'?: (string);
  'raw_body'?: (Buffer);
  /**
   * In place of `headers`, where Envoy is told so.
   */
  'header_map'?: (_envoy_service_auth_v3_HeaderMap__Output);
}
