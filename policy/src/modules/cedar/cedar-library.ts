import type * as Cedar from '@cedar-policy/cedar-wasm/nodejs';

/** What is used of Cedar's library. */
export type CedarLibrary = Pick<
  typeof Cedar,
  | 'checkParseEntities'
  | 'checkParsePolicySet'
  | 'checkParseSchema'
  | 'policySetTextToParts'
  | 'policyToJson'
  | 'preparsePolicySet'
  | 'statefulIsAuthorized'
  | 'validate'
>;
/** One of the library's complaints. */
export type CedarError = Cedar.DetailedError;

/** Loads the library: some megabytes, so only for a bundle with a module in Cedar. */
export async function importCedar(): Promise<CedarLibrary> {
  return import('@cedar-policy/cedar-wasm/nodejs');
}
