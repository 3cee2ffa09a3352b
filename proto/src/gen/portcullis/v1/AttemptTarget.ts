// Original file: proto/portcullis/v1/decision.proto


/**
 * What an attempt would reach besides a tool. At most 256 characters each.
 */
export interface AttemptTarget {
  'host'?: (string);
  'method'?: (string);
  'model'?: (string);
  /**
   * The id of another agent.
   */
  'peer'?: (string);
  'port'?: (number);
  'provider'?: (string);
  'scheme'?: (string);
  'skill'?: (string);
  '_host'?: "host";
  '_method'?: "method";
  '_model'?: "model";
  '_peer'?: "peer";
  '_port'?: "port";
  '_provider'?: "provider";
  '_scheme'?: "scheme";
  '_skill'?: "skill";
}

/**
 * What an attempt would reach besides a tool. At most 256 characters each.
 */
export interface AttemptTarget__Output {
  'host'?: (string);
  'method'?: (string);
  'model'?: (string);
  /**
   * The id of another agent.
   */
  'peer'?: (string);
  'port'?: (number);
  'provider'?: (string);
  'scheme'?: (string);
  'skill'?: (string);
  '_host'?: "host";
  '_method'?: "method";
  '_model'?: "model";
  '_peer'?: "peer";
  '_port'?: "port";
  '_provider'?: "provider";
  '_scheme'?: "scheme";
  '_skill'?: "skill";
}
