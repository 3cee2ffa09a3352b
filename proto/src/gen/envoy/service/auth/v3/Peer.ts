// Original file: proto/gateways/ext_authz.proto

import type { Address as _envoy_service_auth_v3_Address, Address__Output as _envoy_service_auth_v3_Address__Output } from '../../../../envoy/service/auth/v3/Address.js';

export interface Peer {
  'address'?: (_envoy_service_auth_v3_Address | null);
  /**
   * Of the client's certificate.
   */
  'principal'?: (string);
}

export interface Peer__Output {
  'address'?: (_envoy_service_auth_v3_Address__Output);
  /**
   * Of the client's certificate.
   */
  'principal'?: (string);
}
