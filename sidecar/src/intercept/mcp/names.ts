/** Which names may be addressed. Never normalised and then matched: a name is acceptable as it is or refused (A9). */

/** A rule for one kind of name. */
export interface NameRule {
  /** For people: what an acceptable name looks like. */
  readonly expected: string;
  accepts(name: string): boolean;
}

const TOOL = /^[A-Za-z0-9_.\-/]{1,128}$/;
const PRINTABLE = /^[\x21-\x7e](?:[\x20-\x7e]{0,254}[\x21-\x7e])?$/;
// Controls, spaces, and the invisible or direction-changing characters that make two different addresses look alike.
const HIDDEN = /[\p{C}\p{Z}]/u;

/** ASCII letters, digits and `_ . - /`, 1 to 128, without path segments that climb or are empty. */
export const TOOL_NAME: NameRule = {
  expected: '1 to 128 ASCII letters, digits or _ . - /, without empty, "." or ".." segments',
  accepts: (name) => TOOL.test(name) && name.split('/').every((part) => part !== '' && part !== '.' && part !== '..'),
};

/** Printable ASCII, 1 to 256, no space at either end: prompt names are titles as often as identifiers. */
export const PROMPT_NAME: NameRule = {
  expected: '1 to 256 printable ASCII characters',
  accepts: (name) => PRINTABLE.test(name),
};

/** 1 to 8192 characters, none of them invisible; resource URIs may be IRIs. */
export const RESOURCE_URI: NameRule = {
  expected: '1 to 8192 visible characters',
  accepts: (name) => name.length > 0 && name.length <= 8192 && !HIDDEN.test(name),
};

/** 1 to 256 printable ASCII characters. */
export const TASK_ID: NameRule = PROMPT_NAME;
