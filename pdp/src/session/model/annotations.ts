/** What a platform team declares about a tool: what calling it does, what its arguments are, whom its results come from. */

/** What an argument is to the call. An argument that nobody spoke of is judged by the tool's effect. */
export const ARGUMENT_ROLES = [
  /** Who or what is reached: a recipient, an address, a URL. */
  'destination',
  /** The thing that is acted on: an order, a file, an account. */
  'identity',
  /** A secret that opens something: a password, a key, a code. */
  'credential',
  /** What is said or stored. */
  'payload',
  /** Says nothing that could be chosen against the user: a page number, a sort order. */
  'plain',
] as const;
/** See {@link ARGUMENT_ROLES}. */
export type ArgumentRole = (typeof ARGUMENT_ROLES)[number];

/** Whom a result, or a part of it, comes from. */
export interface OutputAnnotation {
  /** `trusted`: the tool's own words or the user's own data. `third_party`: others can write into it. Absent: third party. */
  readonly from?: 'trusted' | 'third_party';
  /** Names of members, at any depth, whose values only the service itself writes, whatever `from` says: ids, amounts. */
  readonly trusted_fields?: readonly string[];
  /** Names of members whose value says who wrote the item that holds them: `sender`, `author`, `owner`. */
  readonly principal_fields?: readonly string[];
  /** Labels that a result brings into the session, besides `untrusted`: `confidential`, a data class. */
  readonly labels?: readonly string[];
}

/** What is declared about one tool of one server. */
export interface ToolAnnotations {
  /** Absent: unknown, which counts as a write. */
  readonly effect?: 'read' | 'write';
  /** What a call reaches (`facts.sinks`): `external_message`, `payment` … */
  readonly sinks?: readonly string[];
  /** By argument name; what is below an argument shares its role. */
  readonly arguments?: { readonly [name: string]: ArgumentRole };
  /** The argument whose number is added up over the session (`facts.totals`). */
  readonly amount?: string;
  readonly output?: OutputAnnotation;
}
