// Original file: proto/gateways/ext_authz.proto

import type { SocketAddress as _envoy_service_auth_v3_SocketAddress, SocketAddress__Output as _envoy_service_auth_v3_SocketAddress__Output } from '../../../../envoy/service/auth/v3/SocketAddress.js';

export interface Address {
  'socket_address'?: (_envoy_service_auth_v3_SocketAddress | null);
}

export interface Address__Output {
  'socket_address'?: (_envoy_service_auth_v3_SocketAddress__Output);
}
