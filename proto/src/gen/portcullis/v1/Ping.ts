// Original file: proto/portcullis/v1/decision.proto


/**
 * Keeps an idle or suspect stream honest: answered at once, without policy.
 */
export interface Ping {
}

/**
 * Keeps an idle or suspect stream honest: answered at once, without policy.
 */
export interface Ping__Output {
}
