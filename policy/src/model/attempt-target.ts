/** What an attempt would reach besides a tool, as its records say it: names, never a path, a query or a body. */

import type { CanonicalRequest } from './request.js';

/** Host and so on of a connection, provider and model of a model call, peer and skill of a message to another agent. */
export interface AttemptTarget {
  readonly host?: string;
  readonly method?: string;
  readonly model?: string;
  /** The id of another agent. */
  readonly peer?: string;
  /** 1 to 65535. */
  readonly port?: number;
  readonly provider?: string;
  readonly scheme?: string;
  readonly skill?: string;
}

/** No text of a target is longer, in UTF-16 code units; the digest of the request is of the whole. */
export const MAX_TARGET_TEXT = 256;

/** Read from the request; undefined where it names nothing of the kind. What is too long is cut. */
export function attemptTargetOf({
  egress,
  peer,
  request,
}: Pick<CanonicalRequest, 'egress' | 'peer' | 'request'>): AttemptTarget | undefined {
  // Most attempts are calls of tools, and pay for no more than this.
  if (egress === undefined && peer === undefined && request === undefined) return undefined;
  const { host, method, port, scheme } = egress ?? {};
  const { model, model_provider: provider } = request ?? {};
  const { agent_id: id, skill } = peer ?? {};
  const target: AttemptTarget = {
    ...named('host', host),
    ...named('method', method),
    ...named('model', model),
    ...named('peer', id),
    ...(isPort(port) ? { port } : {}),
    ...named('provider', provider),
    ...named('scheme', scheme),
    ...named('skill', skill),
  };
  return Object.keys(target).length === 0 ? undefined : target;
}

/** Whether this is the number of a port. */
export function isPort(port: unknown): port is number {
  return Number.isInteger(port) && (port as number) >= 1 && (port as number) <= 65_535;
}

/** What is no text names nothing: a record is made of whatever was asked, and must not fail. */
function named<N extends Exclude<keyof AttemptTarget, 'port'>>(name: N, text: unknown): { readonly [K in N]?: string } {
  if (typeof text !== 'string') return {};
  const kept = text.length <= MAX_TARGET_TEXT ? text : text.slice(0, MAX_TARGET_TEXT).toWellFormed();
  return { [name]: kept } as { readonly [K in N]?: string };
}
