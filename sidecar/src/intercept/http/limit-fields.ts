/** Caps and times that the proxies towards servers, models and agents have in common: one name, one unit, one range. */

import { z } from 'zod';

const milliseconds = (longest: number, fallback: number): z.ZodDefault<z.ZodInt> =>
  z.int().min(100).max(longest).default(fallback);
/** Bytes of what comes from a server. */
const MOST_ANSWERED = 268_435_456;

/** What an agent may send. @param message what its body is called */
export function messageLimits({
  message,
  bodyBytes,
  headerBytes,
}: {
  readonly message: string;
  readonly bodyBytes: number;
  readonly headerBytes: number;
}): Readonly<Record<'maxBodyBytes' | 'maxHeaderBytes' | 'maxHeaders', z.ZodDefault<z.ZodInt>>> {
  return {
    maxBodyBytes: z.int().min(1024).max(67_108_864).default(bodyBytes).describe(`Largest ${message}.`),
    maxHeaderBytes: z.int().min(1024).max(65_536).default(headerBytes).describe('Largest request head.'),
    maxHeaders: z.int().min(10).max(1000).default(100).describe('Most header fields of a request.'),
  };
}

/** Bytes of one thing that a server answers. */
export function answerBytes(
  what: string,
  fallback: number,
  { most = MOST_ANSWERED }: { readonly most?: number } = {},
): z.ZodDefault<z.ZodInt> {
  return z.int().min(1024).max(most).default(fallback).describe(`Largest ${what}.`);
}

/** How long is waited for each part of an exchange. @param server who answers; `answer` what it has to do in that time */
export function exchangeTimes({
  server,
  answer,
  answerMs,
}: {
  readonly server: string;
  readonly answer: string;
  readonly answerMs: number;
}): Readonly<
  Record<'headersTimeoutMs' | 'bodyTimeoutMs' | 'connectTimeoutMs' | 'answerTimeoutMs', z.ZodDefault<z.ZodInt>>
> {
  return {
    headersTimeoutMs: milliseconds(600_000, 10_000).describe('Time for a request head to arrive.'),
    bodyTimeoutMs: milliseconds(600_000, 30_000).describe('Time for a request body to arrive.'),
    connectTimeoutMs: milliseconds(600_000, 5_000).describe(`Time to connect to ${server}.`),
    answerTimeoutMs: milliseconds(3_600_000, answerMs).describe(`Time for ${server} to ${answer}.`),
  };
}

/** Connections at once. @param of whose */
export function connectionLimit(of: string): z.ZodDefault<z.ZodInt> {
  return z.int().min(1).max(100_000).default(1024).describe(`Most connections of ${of}.`);
}
