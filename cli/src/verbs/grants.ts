import type { JsonObject } from '@portcullis/runtime';
import { type Command, InvalidArgumentError } from 'commander';
import type { ApproverFlags } from '../approvals/api.js';
import { GRANT_HEADING, grantRow, listOf, previewLines } from '../approvals/text.js';
import { printJson, printTable, type Shell } from '../shell.js';
import { pathOf, withApprover, withApproverFlags } from './approvals.js';
import { collect, examples, wholeNumber } from './arguments.js';

interface TermFlags extends ApproverFlags {
  readonly approval: string;
  readonly count: number;
  readonly expires: number;
  readonly vary?: readonly string[];
  readonly budget?: { readonly argument: string; readonly limit: number };
}

interface CreateFlags extends TermFlags {
  readonly comment: string;
}

const PDP = '--pdp https://pdp.example.com:8443 --token-file token';
const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** Adds `grants list`, `preview`, `create` and `revoke`. */
export function addGrantVerbs(program: Command, shell: Shell): void {
  const grants = program.command('grants').description('standing grants: what need not be asked every time');
  withApproverFlags(grants.command('list').description('print the standing grants of your tenant, newest first'))
    .addHelpText('after', examples(['what stands', `portcullis grants list ${PDP}`]))
    .action(async (flags: ApproverFlags) => {
      const found = await withApprover(shell, flags, (api) => api.get('/v1/grants'));
      if (flags.json) printJson(shell, found);
      else print(shell, flags, ...listOf(found['grants']).map((one) => one as JsonObject));
    });
  withTerms(grants.command('preview').description('print what a grant would have covered in the last 7 days'))
    .addHelpText(
      'after',
      examples([
        'before you make it: what one PDP has on record',
        `portcullis grants preview --approval 0b0f6a9e-… --count 20 --expires 30d --vary amount ${PDP}`,
      ]),
    )
    .action(async (flags: TermFlags) => {
      const found = await withApprover(shell, flags, (api) => api.post('/v1/grants/preview', wishOf(flags)));
      if (flags.json) printJson(shell, found);
      else for (const line of previewLines(found)) shell.terminal.data(line);
    });
  withTerms(grants.command('create').description('make a standing grant of an approval that was agreed to'))
    .option('--comment <TEXT>', 'why; kept in the audit chain', '')
    .addHelpText(
      'after',
      examples([
        'twenty payments to the same account, 5000 in all, for a month',
        `portcullis grants create --approval 0b0f6a9e-… --count 20 --expires 30d --vary amount --budget amount=5000 ${PDP}`,
      ]),
    )
    .action(async (flags: CreateFlags) => {
      const body = { ...wishOf(flags), comment: flags.comment };
      print(shell, flags, await withApprover(shell, flags, (api) => api.post('/v1/grants', body)));
    });
  withApproverFlags(grants.command('revoke').description('end a standing grant').argument('<ID>', 'its id'))
    .option('--comment <TEXT>', 'why; kept in the audit chain', '')
    .addHelpText('after', examples(['at once', `portcullis grants revoke 5d1c… ${PDP}`]))
    .action(async (id: string, flags: ApproverFlags & { readonly comment: string }) => {
      const { comment } = flags;
      print(
        shell,
        flags,
        await withApprover(shell, flags, (api) => api.post(pathOf('grants', id, 'revoke'), { comment })),
      );
    });
}

function withTerms(verb: Command): Command {
  return withApproverFlags(verb)
    .requiredOption('--approval <ID>', 'the approval; requests must equal its request')
    .requiredOption('--count <COUNT>', 'how often it may be used', wholeNumber(1, 1_000_000))
    .requiredOption('--expires <TIME>', 'how long it stands, e.g. 90m, 12h or 30d', duration)
    .option('--vary <ARGUMENT>', 'an argument that may differ; may be repeated', collect)
    .option('--budget <ARGUMENT=LIMIT>', 'what an argument may add up to over all uses', budget);
}

function wishOf({ approval, count, expires, vary = [], budget: bound }: TermFlags): JsonObject {
  const wish = { approval, count, expires_seconds: expires, vary: [...vary] };
  return bound === undefined ? wish : { ...wish, budget: { ...bound } };
}

function print(shell: Shell, { json }: ApproverFlags, ...grants: readonly JsonObject[]): void {
  if (json) for (const grant of grants) printJson(shell, grant);
  else printTable(shell, [GRANT_HEADING, ...grants.map(grantRow)]);
}

function duration(text: string): number {
  const [, number = '', unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const seconds = Number(number) * (SECONDS[unit] ?? Number.NaN);
  if (Number.isNaN(seconds) || seconds < 1) throw new InvalidArgumentError('Expected a time such as 90m, 12h or 30d.');
  return seconds;
}

function budget(text: string): { readonly argument: string; readonly limit: number } {
  const [, argument = '', limit = ''] = /^([^=]+)=(\d{1,12}(?:\.\d{1,6})?)$/.exec(text) ?? [];
  if (argument === '') throw new InvalidArgumentError('Expected an argument and an amount, such as amount=5000.');
  return { argument, limit: Number(limit) };
}
