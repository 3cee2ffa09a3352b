// Original file: proto/gateways/ext_authz.proto


export interface SocketAddress {
  'address'?: (string);
}

export interface SocketAddress__Output {
  'address'?: (string);
}
