// Original file: proto/gateways/ext_authz.proto


export interface HttpStatus {
  /**
   * An enum whose values are the codes.
   */
  'code'?: (number);
}

export interface HttpStatus__Output {
  /**
   * An enum whose values are the codes.
   */
  'code'?: (number);
}
