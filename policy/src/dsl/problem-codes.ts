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
  /** A typed policy of a type that there is not. */
  'ERR_POLICY_TYPE_UNKNOWN',
  /** Two policies of one set would have the same name in a decision. */
  'ERR_POLICY_SLUG_DUPLICATE',
  /** A scope that contradicts its set's, so that the policy could never apply. */
  'ERR_POLICY_SCOPE_CONTRADICTS',
  /** A pack.yaml that is not one, or a schema of a parameter that is none. */
  'ERR_PACK_SHAPE',
  /** A value of a parameter that its pack refuses, or one that is missing. */
  'ERR_PACK_PARAMETER',
  /** A policy of a pack that cannot be filled in: a reference to what is not there. */
  'ERR_PACK_TEMPLATE',
  /** A pack that another one needs and the bundle does not have. */
  'ERR_PACK_REQUIRES',
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
  /** A policy of another engine's language that its engine refuses. */
  'ERR_MODULE_POLICY',
  /** A file of a module that is not what it should be. */
  'ERR_MODULE_FILE',
  /** A WebAssembly program that is not one, or that asks for more than a pure function of the request may have. */
  'ERR_MODULE_PROGRAM',
  /** A module over a cap. */
  'ERR_MODULE_TOO_LARGE',
] as const;
/** A code of a policy or bundle problem. */
export type PolicyProblemCode = (typeof POLICY_PROBLEM_CODES)[number];
