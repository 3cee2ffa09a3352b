import type { ValueRole } from '@portcullis/policy/model';

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
  /** What arguments are to the call, by name; what is below an argument shares its role. Others are judged by their names. */
  readonly arguments?: { readonly [name: string]: ValueRole };
  /** The argument whose number is added up over the session (`facts.totals`). */
  readonly amount?: string;
  readonly output?: OutputAnnotation;
}
