// Original file: proto/gateways/ext_authz.proto

import type { HttpRequest as _envoy_service_auth_v3_HttpRequest, HttpRequest__Output as _envoy_service_auth_v3_HttpRequest__Output } from '../../../../envoy/service/auth/v3/HttpRequest.js';

export interface Request {
  'http'?: (_envoy_service_auth_v3_HttpRequest | null);
}

export interface Request__Output {
  'http'?: (_envoy_service_auth_v3_HttpRequest__Output);
}
