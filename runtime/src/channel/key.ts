import { PortcullisError } from '../errors/portcullis-error.js';

const MAX_KEY_LENGTH = 400;
const KEY = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/;
const SUBJECT = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/;

/** Whether `key` is one that every adapter can carry: plain segments, no empty or hidden ones, no `..`. */
export function isChannelKey(key: string): boolean {
  return key.length <= MAX_KEY_LENGTH && KEY.test(key) && !key.includes('..') && !/\.(?:\/|$)/.test(key);
}

/** @throws PortcullisError `ERR_CHANNEL_KEY` for a key that is not one. */
export function requireKey(key: string): void {
  if (!isChannelKey(key)) throw new PortcullisError('ERR_CHANNEL_KEY', 'invalid', 'not a channel key');
}

/** @throws PortcullisError `ERR_CHANNEL_SUBJECT` for a subject that is not one: words joined by dots, no wildcards. */
export function requireSubject(subject: string): void {
  if (subject.length > MAX_KEY_LENGTH || !SUBJECT.test(subject)) {
    throw new PortcullisError('ERR_CHANNEL_SUBJECT', 'invalid', 'not a channel subject');
  }
}
