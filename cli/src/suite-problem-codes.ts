/** Every code that a problem of a test suite may carry. Closed; a retired code is never reused. */
export const SUITE_PROBLEM_CODES = [
  /** A value is missing, or of the wrong shape or range. */
  'ERR_TESTS_SHAPE',
  /** A key that suites do not have. */
  'ERR_TESTS_KEY_UNKNOWN',
  /** A name that no fixture and no policy has. */
  'ERR_TESTS_NAME_UNKNOWN',
  /** Two suites, tests or shared fixtures of one name. */
  'ERR_TESTS_NAME_DUPLICATE',
  /** The parts of a request do not make a canonical request. */
  'ERR_TESTS_REQUEST',
  /** Expectations that contradict each other, or that speak of nothing. */
  'ERR_TESTS_EXPECTATION',
] as const;
/** A code of a problem of a test suite. */
export type SuiteProblemCode = (typeof SUITE_PROBLEM_CODES)[number];
