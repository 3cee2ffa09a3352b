/** The client of the sidecar's local authorize API. Needs nothing but Node. */
export type { Attempt, JsonValue } from './attempt.js';
export type { Allowed, Authorization, Conclusion, Hold, Refused } from './authorization.js';
export { AttemptRefusedError, type Authorizer, type AuthorizerOptions, createAuthorizer } from './authorizer.js';
