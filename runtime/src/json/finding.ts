import type { JsonRefusalKind } from './json.js';

/** A finding in decoded text; `index` counts UTF-16 units. */
export interface Finding {
  readonly kind: JsonRefusalKind;
  readonly reason: string;
  readonly index: number;
}

/** Keys that reach an object's prototype in JavaScript, and so never name data here. */
export const PROTOTYPE_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);
