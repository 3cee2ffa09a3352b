/** Every code a problem of policy text or of a bundle's layout may carry. Closed; a retired code is never reused. */
export const POLICY_PROBLEM_CODES = [
  /** Not the YAML or JSON that a policy may be written in. */
  'ERR_POLICY_SYNTAX',
  /** A value is missing, or of the wrong shape or range. */
  'ERR_POLICY_SHAPE',
  /** A key that the language does not have. */
  'ERR_POLICY_KEY_UNKNOWN',
  /** A path that the canonical request does not have. */
  'ERR_POLICY_FIELD_UNKNOWN',
  /** An operator that the language does not have. */
  'ERR_POLICY_OPERATOR_UNKNOWN',
  /** An operator that this field's type does not take. */
  'ERR_POLICY_OPERATOR_MISUSED',
  /** A literal that can never compare with the field. */
  'ERR_POLICY_VALUE_INVALID',
  /** Not a regular expression of the RE2 syntax, or one that is too large. */
  'ERR_POLICY_REGEX_INVALID',
  /** An effect that the language does not have. */
  'ERR_POLICY_EFFECT_UNKNOWN',
  /** An effect of the language that this version cannot compile; it is refused, never ignored. */
  'ERR_POLICY_EFFECT_UNSUPPORTED',
  /** Two policies of one set would have the same name in a decision. */
  'ERR_POLICY_SLUG_DUPLICATE',
  /** A scope that contradicts its set's, so that the policy could never apply. */
  'ERR_POLICY_SCOPE_CONTRADICTS',
  /** The bundle's own file is missing, or is not one of the layouts. */
  'ERR_BUNDLE_LAYOUT',
  /** A file that no set would load. */
  'ERR_BUNDLE_FILE_UNEXPECTED',
  /** A name that is unsafe or ambiguous on some file system. */
  'ERR_BUNDLE_NAME',
  /** Not a plain tar.gz of regular files. */
  'ERR_BUNDLE_ARCHIVE',
  /** Over a cap. */
  'ERR_BUNDLE_TOO_LARGE',
] as const;
/** A code of a policy or bundle problem. */
export type PolicyProblemCode = (typeof POLICY_PROBLEM_CODES)[number];
