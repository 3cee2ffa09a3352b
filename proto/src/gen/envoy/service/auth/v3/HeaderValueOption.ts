// Original file: proto/gateways/ext_authz.proto

import type { HeaderValue as _envoy_service_auth_v3_HeaderValue, HeaderValue__Output as _envoy_service_auth_v3_HeaderValue__Output } from '../../../../envoy/service/auth/v3/HeaderValue.js';
import type { HeaderAppendAction as _envoy_service_auth_v3_HeaderAppendAction, HeaderAppendAction__Output as _envoy_service_auth_v3_HeaderAppendAction__Output } from '../../../../envoy/service/auth/v3/HeaderAppendAction.js';

export interface HeaderValueOption {
  'header'?: (_envoy_service_auth_v3_HeaderValue | null);
  'append_action'?: (_envoy_service_auth_v3_HeaderAppendAction);
}

export interface HeaderValueOption__Output {
  'header'?: (_envoy_service_auth_v3_HeaderValue__Output);
  'append_action'?: (_envoy_service_auth_v3_HeaderAppendAction__Output);
}
