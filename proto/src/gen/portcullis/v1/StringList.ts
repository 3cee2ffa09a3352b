// Original file: proto/portcullis/v1/decision.proto


/**
 * Present and empty differs from absent, so a bare `repeated` will not do.
 */
export interface StringList {
  'values'?: (string)[];
}

/**
 * Present and empty differs from absent, so a bare `repeated` will not do.
 */
export interface StringList__Output {
  'values'?: (string)[];
}
