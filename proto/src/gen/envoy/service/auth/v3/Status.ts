// Original file: proto/gateways/ext_authz.proto


/**
 * google.rpc.Status
 */
export interface Status {
  'code'?: (number);
  'message'?: (string);
}

/**
 * google.rpc.Status
 */
export interface Status__Output {
  'code'?: (number);
  'message'?: (string);
}
