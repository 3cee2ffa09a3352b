import { PortcullisError, parseStrictJson } from '@portcullis/runtime';
import type { Command } from 'commander';
import { request } from 'undici';
import { z } from 'zod';
import { EXIT } from '../exit-codes.js';
import { usageFault } from '../faults.js';
import { type PdpReach, reachPdps } from '../kill/reach.js';
import { printable } from '../printable.js';
import { type ConnectionFlags, loadContext } from '../release/connection.js';
import { printJson, type Shell } from '../shell.js';
import { collect, examples } from './arguments.js';
import { withConnectionFlags } from './release-flags.js';

interface ReviewFlags extends ConnectionFlags {
  readonly pdp?: readonly string[];
  readonly all: boolean;
  readonly note: string;
  readonly json: boolean;
}

const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const ANSWER_TIMEOUT_MS = 5_000;

const reviewSchema = z.object({
  id: z.string(),
  tenant: z.string(),
  agent: z.string(),
  user: z.string().optional(),
  server: z.string().optional(),
  tool: z.string().optional(),
  operation: z.string().optional(),
  asked: z.array(z.object({ policy: z.string(), reason: z.string().optional() })),
  opened_at: z.string(),
  closed: z.object({ by: z.string(), at: z.string(), note: z.string() }).optional(),
});
const listSchema = z.object({ reviews: z.array(reviewSchema) });
/** A review as a PDP shows it. */
export type Review = z.output<typeof reviewSchema>;

async function call(
  { dispatcher }: PdpReach,
  signal: AbortSignal,
  url: string,
  body?: object,
): Promise<{ readonly status: number; readonly json: unknown }> {
  const answer = await request(url, {
    dispatcher,
    signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]),
    ...(body === undefined
      ? {}
      : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  const json = parseStrictJson(new Uint8Array(await answer.body.arrayBuffer()), { maxBytes: MAX_ANSWER_BYTES });
  return { status: answer.statusCode, json: json.ok ? json.value : undefined };
}

async function withPdps<T>(shell: Shell, flags: ReviewFlags, work: (reach: PdpReach) => Promise<T>): Promise<T> {
  const context = loadContext(flags);
  const reach = await reachPdps(context, [...context.pdps, ...(flags.pdp ?? [])], shell.signal);
  try {
    if (reach.urls.length === 0) throw usageFault('--pdp: no PDP is known; name one, or `pdps` in the context file');
    return await work(reach);
  } finally {
    await reach.close();
  }
}

/** One line for people: names of agents and tools are what agents say they are. */
export function reviewLine({
  id,
  tenant,
  agent,
  user,
  server,
  tool,
  operation,
  asked,
  opened_at,
  closed,
}: Review): string {
  const called = [server, tool ?? operation].filter((part) => part !== undefined).join('/');
  const why = asked.map(({ policy, reason }) => (reason === undefined ? policy : `${policy} (${reason})`)).join(', ');
  const end = closed === undefined ? '' : `  closed by ${closed.by} at ${closed.at}: ${closed.note}`;
  const whom = user === undefined ? '' : `  for ${user}`;
  return printable(`${id}  ${opened_at}  ${tenant}/${agent}  ${called}${whom}  ${why}${end}`);
}

function withReviewFlags(verb: Command): Command {
  return withConnectionFlags(verb).option(
    '--pdp <URL>',
    'the HTTPS address of a PDP; may be repeated; by default those that the distributor knows',
    collect,
  );
}

function addList(reviews: Command, shell: Shell): void {
  withReviewFlags(reviews.command('list').description('show what waits to be looked at, at every PDP'))
    .option('--all', 'closed reviews as well', false)
    .addHelpText('after', examples(['what is open in prod', 'portcullis reviews list --env prod']))
    .action(async (flags: ReviewFlags) => {
      await withPdps(shell, flags, async (reach) => {
        // PDPs that share a store all say the same.
        const found = new Map<string, Review & { readonly pdp: string }>();
        for (const url of reach.urls) {
          const answer = await call(reach, shell.signal, `${url}/v1/reviews?closed=${flags.all}`).catch(
            (error: unknown) => PortcullisError.from(error),
          );
          const list = answer instanceof PortcullisError ? undefined : listSchema.safeParse(answer.json);
          if (list?.success === true) {
            for (const review of list.data.reviews)
              if (!found.has(review.id)) found.set(review.id, { ...review, pdp: url });
          } else {
            const why = answer instanceof PortcullisError ? answer.message : `HTTP ${answer.status}`;
            shell.terminal.say(`${url} does not say: ${why}`, 'bad');
            shell.exit(EXIT.failure);
          }
        }
        const sorted = [...found.values()].toSorted((a, b) => (a.opened_at < b.opened_at ? 1 : -1));
        if (flags.json) printJson(shell, { reviews: sorted });
        else if (sorted.length === 0) shell.terminal.data('nothing waits to be looked at');
        else for (const review of sorted) shell.terminal.data(reviewLine(review));
      });
    });
}

function addClose(reviews: Command, shell: Shell): void {
  withReviewFlags(
    reviews.command('close').description('say that a review is done').argument('<ID>', 'as "reviews list" names it'),
  )
    .requiredOption('--note <TEXT>', 'what was found; kept with the review')
    .addHelpText(
      'after',
      examples(['after a look', 'portcullis reviews close 0b8f3c1e-5a53-4d0e-9c1f-3d3c8f6f2a10 --note "as agreed"']),
    )
    .action(async (id: string, flags: ReviewFlags) => {
      await withPdps(shell, flags, async (reach) => {
        let silent = 0;
        for (const url of reach.urls) {
          const path = `${url}/v1/reviews/${encodeURIComponent(id)}/close`;
          const answer = await call(reach, shell.signal, path, { note: flags.note }).catch((error: unknown) =>
            PortcullisError.from(error),
          );
          if (answer instanceof PortcullisError) {
            // Another one may have it: each keeps its own, or all share a store.
            shell.terminal.say(`${url} does not say: ${answer.message}`, 'bad');
            silent += 1;
            continue;
          }
          const { status, json } = answer;
          if (status === 404) continue;
          const closed = reviewSchema.safeParse(json);
          if (status !== 200 || !closed.success) {
            const why = z.object({ detail: z.string() }).safeParse(json).data?.detail ?? 'no reason given';
            throw new PortcullisError('ERR_CLI_REFUSED', 'invalid', `${url} refused: HTTP ${status}, ${why}`);
          }
          if (flags.json) printJson(shell, closed.data);
          else shell.terminal.say(`closed ${id}`, 'good');
          return;
        }
        if (silent > 0)
          throw new PortcullisError(
            'ERR_CLI_UNREACHABLE',
            'unavailable',
            `no PDP that answers has the review ${id}; ${silent} of ${reach.urls.length} do not answer: try again when they do`,
          );
        throw new PortcullisError('ERR_CLI_REFUSED', 'invalid', `no PDP has the review ${id}`);
      });
    });
}

/** Adds `reviews list` and `reviews close`. */
export function addReviewVerbs(program: Command, shell: Shell): void {
  const reviews = program
    .command('reviews')
    .helpCommand(false)
    .description('look at what policies let continue and want looked at (escalate)');
  addList(reviews, shell);
  addClose(reviews, shell);
}
