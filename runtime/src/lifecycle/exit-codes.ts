/** Exit codes of every service. */
export const EXIT = {
  ok: 0,
  failure: 1,
  /** `EX_USAGE` of sysexits: the configuration or the command line is wrong; nothing was bound. */
  usage: 64,
} as const;
