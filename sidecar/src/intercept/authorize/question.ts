/** What a program may ask and tell: closed schemas, checked before anything else happens. */

import { ATTEMPT_KINDS, type Checked, type Json, type Problem } from '@portcullis/policy/model';
import { z } from 'zod';

const label = z.string().max(1_024);
const locator = z.string().max(16_384);
const content = z.string().max(4_194_304);
const amount = z.number().min(0);
const open = z.record(z.string(), z.json());

const tool = z.strictObject({
  id: label.exactOptional(),
  name: label.exactOptional(),
  operation: label.exactOptional(),
  server: label.exactOptional(),
  arguments: open.exactOptional(),
  definition_digest: label.exactOptional(),
  attributes: open.exactOptional(),
});
const modelCall = z.strictObject({
  action: label.exactOptional(),
  model: label.exactOptional(),
  model_provider: label.exactOptional(),
  model_endpoint: locator.exactOptional(),
  estimated_tokens: amount.exactOptional(),
  max_tokens: amount.exactOptional(),
  stream: z.boolean().exactOptional(),
  query: content.exactOptional(),
  output: content.exactOptional(),
});
const egress = z.strictObject({
  scheme: label.exactOptional(),
  host: label.exactOptional(),
  port: z.int().min(1).max(65_535).exactOptional(),
  method: label.exactOptional(),
  path: locator.exactOptional(),
  resolved_ips: z.array(label).max(256).exactOptional(),
  bytes: amount.exactOptional(),
});
const peer = z.strictObject({
  agent_id: label.exactOptional(),
  skill: label.exactOptional(),
  url: locator.exactOptional(),
});

/** Who may ask here. */
export const ASKING_SOURCES = ['sdk', 'hook'] as const;

/** Names an attempt among those of one session, in the caller's own words. */
const correlation = z.string().min(1).max(256);

const question = z
  .strictObject({
    source: z.enum(ASKING_SOURCES).default('sdk'),
    kind: z.enum(ATTEMPT_KINDS).default('tool_call'),
    session_id: label.min(1).exactOptional(),
    correlation_id: correlation.exactOptional(),
    tool: tool.exactOptional(),
    request: modelCall.exactOptional(),
    egress: egress.exactOptional(),
    peer: peer.exactOptional(),
  })
  .refine((asked) => [asked.tool, asked.request, asked.egress, asked.peer].some((one) => one !== undefined), {
    message: 'say what is attempted: tool, request, egress or peer',
  });

const outcome = z
  .strictObject({
    decision_id: z.string().min(1).max(256).exactOptional(),
    session_id: label.min(1).exactOptional(),
    correlation_id: correlation.exactOptional(),
    outcome: z.enum(['forwarded', 'upstream_failed', 'refused']),
    result: z.json().exactOptional(),
  })
  .refine((told) => (told.decision_id === undefined) !== (told.correlation_id === undefined), {
    path: ['decision_id'],
    message: 'expected decision_id, or the correlation_id of the question',
  });

/** A question. */
export type AskedQuestion = z.output<typeof question>;
/** What became of an allowed attempt. */
export type ToldOutcome = z.output<typeof outcome>;

/** Checks a question. */
export function readQuestion(json: Json): Checked<AskedQuestion> {
  return checked(question.safeParse(json), 'the question');
}

/** Checks an outcome. */
export function readOutcome(json: Json): Checked<ToldOutcome> {
  return checked(outcome.safeParse(json), 'the outcome');
}

const MAX_PROBLEMS = 16;
const MAX_NAME = 64;

function checked<T>(parsed: z.ZodSafeParseResult<T>, whole: string): Checked<T> {
  if (parsed.success) return { ok: true, value: parsed.data };
  const found = parsed.error.issues.flatMap((issue): readonly (readonly [readonly PropertyKey[], string])[] =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => [[...issue.path, key.slice(0, MAX_NAME)], 'unknown member'])
      : [[issue.path, issue.message]],
  );
  const problems = found.slice(0, MAX_PROBLEMS).map(
    ([path, message]): Problem => ({
      code: 'ERR_REQUEST_VALUE',
      path: path.length === 0 ? whole : path.map(String).join('.'),
      message,
    }),
  );
  return { ok: false, problems };
}
