import { FRESHNESS, NODE_STATES, parseReleasePointer, type ReleasePointer } from '@portcullis/policy/trust';
import { PortcullisError } from '@portcullis/runtime';
import { z } from 'zod';
import type { ChannelReleases, NodeView } from './api.js';

// Not strict: a newer distributor may say more. What is read here informs people and picks a rollback's target by digest;
// nothing is trusted because of it.
const nodesSchema = z.object({
  nodes: z.array(
    z.object({
      node: z.string(),
      env: z.string(),
      channel: z.string(),
      state: z.enum(NODE_STATES),
      release_seq: z.int().min(0),
      digest: z.string(),
      freshness: z.enum(FRESHNESS),
      reason: z.string().optional(),
      at: z.string(),
      live: z.boolean(),
      https: z.url({ protocol: /^https$/ }).optional(),
      active: z.object({ release_seq: z.int().min(0), digest: z.string() }).nullable(),
    }),
  ),
});

const releasesSchema = z.object({ pointer: z.unknown(), history: z.array(z.object({ pointer: z.unknown() })) });

function read<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
  throw new PortcullisError('ERR_CLI_ANSWER', 'corrupt', `the distributor's ${what} are not understood: ${issues}`);
}

/**
 * Reads the answer of `GET /v1/nodes`.
 * @throws PortcullisError `ERR_CLI_ANSWER`.
 */
export function readNodes(value: unknown): readonly NodeView[] {
  return read(nodesSchema, value, 'nodes').nodes;
}

function readPointer(value: unknown): ReleasePointer {
  const pointer = parseReleasePointer(new TextEncoder().encode(JSON.stringify(value)));
  if (pointer.ok) return pointer.value;
  throw new PortcullisError('ERR_CLI_ANSWER', 'corrupt', "the distributor's releases are not understood", {
    details: { problems: pointer.problems },
  });
}

/**
 * Reads the answer of `GET /v1/releases/:env/:channel`.
 * @throws PortcullisError `ERR_CLI_ANSWER`.
 */
export function readReleases(value: unknown): ChannelReleases {
  const { pointer, history } = read(releasesSchema, value, 'releases');
  return { current: readPointer(pointer), history: history.map((entry) => readPointer(entry.pointer)) };
}
