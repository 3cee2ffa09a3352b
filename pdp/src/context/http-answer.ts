/** What a service may answer: strict JSON of a closed schema, and of its own fields only. */

import { type Json, PortcullisError, parseStrictJson } from '@portcullis/runtime';
import { z } from 'zod';
import type { Supplement } from '../pipeline/ports.js';

/** Reads answers of one service. @throws PortcullisError `corrupt`, which quotes nothing. */
export type AnswerReader = (bytes: Uint8Array) => Supplement;

/** Builds the reader; build it once. `provides` are paths of `HTTP_FIELDS`, or of single attributes. */
export function createAnswerReader(provides: readonly string[], maxBytes: number): AnswerReader {
  const shape = answerShape();
  const may = (path: string): boolean => provides.includes(path);
  return (bytes) => {
    const json = parseStrictJson(bytes, { maxBytes });
    const checked = json.ok ? shape.safeParse(json.value) : undefined;
    if (checked?.success !== true) throw corrupt('the answer of a source of context is not of its schema');
    const stray = pathsOf(checked.data).find((path) => !may(path) && !may(path.split('.').slice(0, 2).join('.')));
    if (stray !== undefined) throw corrupt('a source of context answered what it does not provide');
    return checked.data;
  };
}

function answerShape() {
  const label = z.string().max(1_024);
  const attributes = z.record(z.string(), z.json());
  return z.strictObject({
    agent: z
      .strictObject({
        type: label.exactOptional(),
        trust_level: z.number().min(0).max(1).exactOptional(),
        attributes: attributes.exactOptional(),
      })
      .exactOptional(),
    tool: z.strictObject({ attributes: attributes.exactOptional() }).exactOptional(),
    user: z
      .strictObject({
        email: label.exactOptional(),
        role: label.exactOptional(),
        team: label.exactOptional(),
        attributes: attributes.exactOptional(),
      })
      .exactOptional(),
    context: z
      .strictObject({ data_classification: label.exactOptional(), attributes: attributes.exactOptional() })
      .exactOptional(),
    facts: z.strictObject({ sinks: z.array(z.string().min(1).max(256)).max(64).exactOptional() }).exactOptional(),
  });
}

/** `agent.type`, `tool.attributes.<name>` and so on: everything that an answer says. */
function pathsOf(answer: { readonly [group: string]: Readonly<Record<string, Json>> }): readonly string[] {
  return Object.entries(answer).flatMap(([group, members]) =>
    Object.entries(members).flatMap(([name, value]) =>
      name === 'attributes'
        ? Object.keys(value as object).map((one) => `${group}.attributes.${one}`)
        : [`${group}.${name}`],
    ),
  );
}

function corrupt(message: string): PortcullisError {
  return new PortcullisError('ERR_CONTEXT_ANSWER', 'corrupt', message);
}
