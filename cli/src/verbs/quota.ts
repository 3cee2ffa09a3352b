import { PortcullisError, parseStrictJson } from '@portcullis/runtime';
import type { Command } from 'commander';
import { request } from 'undici';
import { z } from 'zod';
import { EXIT } from '../exit-codes.js';
import { usageFault } from '../faults.js';
import { reachPdps } from '../kill/reach.js';
import { printable } from '../printable.js';
import { type ConnectionFlags, loadContext } from '../release/connection.js';
import { printJson, type Shell } from '../shell.js';
import { collect, examples } from './arguments.js';
import { withConnectionFlags } from './release-flags.js';

interface UsageFlags extends ConnectionFlags {
  readonly pdp?: readonly string[];
  readonly json: boolean;
}

const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
const ANSWER_TIMEOUT_MS = 5_000;

const usageSchema = z.object({
  shared: z.boolean(),
  quotas: z.array(
    z.object({
      quota: z.string(),
      kind: z.string(),
      unit: z.string().optional(),
      account: z.record(z.string(), z.string().nullable()),
      limit: z.number(),
      window_seconds: z.number().optional(),
      used: z.number(),
      resets_at: z.string().optional(),
    }),
  ),
});
type Usage = z.output<typeof usageSchema>['quotas'][number];
/** One line of the answer; `pdp` where that PDP counts for itself. */
type UsageRow = Usage & { readonly pdp?: string };

async function usageOf(
  url: string,
  dispatcher: Parameters<typeof request>[1],
  signal: AbortSignal,
): Promise<z.output<typeof usageSchema>> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]);
  const answer = await request(`${url}/v1/quotas`, { ...dispatcher, signal: limit });
  const json = parseStrictJson(new Uint8Array(await answer.body.arrayBuffer()), { maxBytes: MAX_ANSWER_BYTES });
  const usage = usageSchema.safeParse(json.ok ? json.value : undefined);
  if (answer.statusCode === 200 && usage.success) return usage.data;
  throw new PortcullisError('ERR_CLI_ANSWER', 'unavailable', `HTTP ${answer.statusCode}`);
}

/** Shared accounts are met by several PDPs; each is shown once, as it was read last. */
function mergeShared(rows: readonly UsageRow[]): readonly UsageRow[] {
  const nameOf = ({ quota, kind, window_seconds, account, pdp }: UsageRow): string =>
    JSON.stringify([quota, kind, window_seconds, account, pdp]);
  return [...new Map(rows.map((row) => [nameOf(row), row])).values()];
}

/** As people write it: groups of three digits, and every decimal that there is. */
function amount(value: number): string {
  const [whole = '', ...fraction] = String(value).split('.');
  return [whole.replaceAll(/\B(?=(\d{3})+$)/g, ','), ...fraction].join('.');
}

function lineOf({
  quota,
  kind,
  unit = kind,
  account,
  limit,
  window_seconds: window,
  used,
  resets_at: resets,
  pdp,
}: UsageRow): string {
  const whose = Object.entries(account).map(([dimension, value]) => `${dimension}=${value ?? '-'}`);
  const share = limit > 0 ? `${Math.round((100 * used) / limit)}%` : '-';
  const parts = [
    `${amount(used)} of ${amount(limit)} ${kind === 'cost' ? `${unit} of cost` : unit}`,
    `(${share})`,
    ...(window === undefined ? [] : [`in ${window} s`]),
    ...(resets === undefined ? [] : [`all free at ${resets}`]),
    ...(pdp === undefined ? [] : [`at ${pdp}`]),
  ];
  return `${quota}  ${whose.join(' ')}  ${parts.join(' ')}`;
}

/** Adds `quota usage`. */
export function addQuotaVerbs(program: Command, shell: Shell): void {
  const quota = program.command('quota').helpCommand(false).description('see how far quotas are used');
  withConnectionFlags(
    quota.command('usage').description('show limit, use and reset of every account that PDPs have met'),
  )
    .option(
      '--pdp <URL>',
      'the HTTPS address of a PDP; may be repeated; by default those that the distributor knows',
      collect,
    )
    .addHelpText('after', examples(['what is used up in prod', 'portcullis quota usage --env prod --json']))
    .action(async (flags: UsageFlags) => {
      const context = loadContext(flags);
      const reach = await reachPdps(context, [...context.pdps, ...(flags.pdp ?? [])], shell.signal);
      try {
        if (reach.urls.length === 0)
          throw usageFault('--pdp: no PDP is known; name one, or `pdps` in the context file');
        const answers = await Promise.all(
          reach.urls.map(async (url) => {
            const usage = await usageOf(url, { dispatcher: reach.dispatcher }, shell.signal).catch((error: unknown) =>
              PortcullisError.from(error),
            );
            return [url, usage] as const;
          }),
        );
        const rows = answers.flatMap(([url, usage]): readonly UsageRow[] => {
          if (usage instanceof PortcullisError) return [];
          return usage.quotas.map((row) => (usage.shared ? row : { ...row, pdp: url }));
        });
        const merged = mergeShared(rows);
        if (flags.json) printJson(shell, { quotas: merged });
        else if (merged.length === 0) shell.terminal.data('no quota was drawn on since the PDPs started');
        else for (const row of merged) shell.terminal.data(printable(lineOf(row)));
        for (const [url, usage] of answers) {
          if (!(usage instanceof PortcullisError)) continue;
          shell.terminal.say(`${url} does not say: ${usage.message}`, 'bad');
          shell.exit(EXIT.failure);
        }
      } finally {
        await reach.close();
      }
    });
}
