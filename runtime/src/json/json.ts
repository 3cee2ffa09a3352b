/** A JSON value as the strict parser yields it: finite numbers, no duplicate keys, no prototype keys. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** A JSON object. */
export interface JsonObject {
  readonly [name: string]: Json;
}

/** Caps that hold before a value is built. */
export interface JsonLimits {
  /** Bytes of the document; default 4 MiB. */
  readonly maxBytes: number;
  /** Arrays and objects inside each other; default 64. */
  readonly maxDepth: number;
  /** Members of all objects together; default 100 000. */
  readonly maxKeys: number;
}

/** The defaults of {@link JsonLimits}. */
export const DEFAULT_JSON_LIMITS: JsonLimits = { maxBytes: 4 * 1024 * 1024, maxDepth: 64, maxKeys: 100_000 };

/** Why a document was refused. */
export type JsonRefusalKind =
  | 'encoding'
  | 'syntax'
  | 'duplicate_key'
  | 'prototype_key'
  | 'depth'
  | 'size'
  | 'number'
  | 'surrogate';

/** A refusal; `reason` never quotes the document. */
export interface JsonRefusal {
  readonly ok: false;
  readonly kind: JsonRefusalKind;
  readonly reason: string;
  /** Byte offset of the finding. */
  readonly offset: number;
}

/** Either the value or the reason why there is none. */
export type StrictJson = { readonly ok: true; readonly value: Json } | JsonRefusal;
