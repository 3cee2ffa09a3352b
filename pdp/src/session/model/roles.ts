import type { CanonicalRequest, Json, ValueRole } from '@portcullis/policy/model';
import type { ToolAnnotations } from './annotations.js';
import { snakeCase } from './member-names.js';

const DESTINATION =
  /(?:^|_)(?:to|cc|bcc|recipients?|receiver|payee|beneficiary|e?mail|emails|e?mail_address|url|urls|uri|link|href|host|hostname|domain|iban|webhook|endpoint|phone|participants?|attendees?|invitees?|collaborators?|destination|channel)$/iu;
const CREDENTIAL =
  /(?:^|_)(?:password|passwd|passphrase|secret|token|otp|pin|passcode|(?:verification|security|auth|access)_?code|api_?key|ssh_?key|public_?key|key|credentials?)$|^code$/iu;
const ONE_TIME_CODE =
  /(?:^|_)(?:otp|one_?time_?(?:password|code)|(?:verification|security|auth|access)_?code|passcode)$|^code$/iu;
const PAYLOAD =
  /(?:^|_)(?:body|contents?|text|message|subject|title|description|summary|comments?|notes?|reason|caption|attachments?|query|search|filename|file_?name|label|values|data|html|prompt)$/iu;
const PLAIN =
  /(?:^|_)(?:amount|quantity|count|date|day|time|start|end|limit|offset|page|size|n|number|sort|order_by|format|recurring|permission|price|price_min|price_max|rating|rating_min|min|max|duration|start_day|end_day|start_time|end_time)$/iu;
const IS_LINK = /(?:^|_)(?:url|urls|uri|link|href|webhook|endpoint)$/iu;
const NAMES_A_THING = /(?:^|_)(?:id|ids|number|no)$/iu;

/** What an argument is to the call: as declared, else by its name; a text of a write that says nothing names a thing. */
export function roleOf(annotations: ToolAnnotations | undefined, argument: string, value: Json): ValueRole {
  const declared = annotations?.arguments;
  if (declared !== undefined && Object.hasOwn(declared, argument)) return declared[argument] ?? 'identity';
  const name = snakeCase(argument);
  if (annotations?.effect === 'read') return IS_LINK.test(name) ? 'destination' : 'plain';
  if (typeof value === 'boolean' || value === null) return 'plain';
  if (CREDENTIAL.test(name)) return 'credential';
  if (DESTINATION.test(name)) return 'destination';
  if (PAYLOAD.test(name)) return 'payload';
  if (PLAIN.test(name)) return 'plain';
  if (typeof value === 'number') return NAMES_A_THING.test(name) ? 'identity' : 'plain';
  return 'identity';
}

/** Whether an argument is a code that a service sent for this very call. */
export function isOneTimeCode(name: string, value: string | number | boolean): boolean {
  const text = String(value);
  return ONE_TIME_CODE.test(snakeCase(name)) && /^[\p{L}\p{N}]{4,10}$/u.test(text) && /\p{N}/u.test(text);
}

/**
 * Whether a call fetches what somebody made, by naming it: a page, a file, a message. What comes back are its author's words,
 * however they are laid out, and not the service's.
 */
export function isFetch(request: CanonicalRequest): boolean {
  const names = Object.keys(request.tool?.arguments ?? {});
  return names.some((name) => FETCHED_BY.test(snakeCase(name))) || FETCHED_BY.test(request.tool?.operation ?? '');
}

const FETCHED_BY = /(?:^|_)(?:url|urls|uri|link|href|path|paths|file_?path|resources\/read)$/iu;
