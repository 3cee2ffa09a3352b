// Original file: proto/gateways/ext_authz.proto

import type { HeaderValueOption as _envoy_service_auth_v3_HeaderValueOption, HeaderValueOption__Output as _envoy_service_auth_v3_HeaderValueOption__Output } from '../../../../envoy/service/auth/v3/HeaderValueOption.js';

export interface OkHttpResponse {
  /**
   * Of the request that goes upstream.
   */
  'headers'?: (_envoy_service_auth_v3_HeaderValueOption)[];
}

export interface OkHttpResponse__Output {
  /**
   * Of the request that goes upstream.
   */
  'headers'?: (_envoy_service_auth_v3_HeaderValueOption__Output)[];
}
