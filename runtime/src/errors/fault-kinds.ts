/** The closed list of fault kinds: what went wrong, seen from whoever has to react. */
export const FAULT_KINDS = [
  'invalid',
  'unauthenticated',
  'unavailable',
  'timeout',
  'conflict',
  'corrupt',
  'internal',
] as const;

/** One of {@link FAULT_KINDS}. */
export type FaultKind = (typeof FAULT_KINDS)[number];
