/**
 * The three values of a condition (ADR-0001). Small integers, because a request may visit thousands of leaves.
 * `ERROR` means: the condition has no value for this request (a field of the wrong type).
 */
export const FALSE = 0;
/** See {@link FALSE}. */
export const TRUE = 1;
/** See {@link FALSE}. */
export const ERROR = 2;
/** A condition's value. */
export type Truth = typeof FALSE | typeof TRUE | typeof ERROR;

/** The truth of a plain boolean. */
export function truthOf(value: boolean): Truth {
  return value ? TRUE : FALSE;
}

/** Kleene's `not`: an error stays one. */
export function negate(value: Truth): Truth {
  if (value === ERROR) return ERROR;
  return value === TRUE ? FALSE : TRUE;
}
