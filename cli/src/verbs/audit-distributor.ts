import type { Command } from 'commander';
import { z } from 'zod';
import { understood } from '../audit/distributor-evidence.js';
import { printable } from '../printable.js';
import type { ConnectionFlags } from '../release/connection.js';
import { printJson, printTable, type Shell } from '../shell.js';
import { examples } from './arguments.js';
import { withEvidence } from './audit-flags.js';
import { withDistributorFlags } from './release-flags.js';

interface ListFlags extends ConnectionFlags {
  readonly json: boolean;
}

interface EraseFlags extends ListFlags {
  readonly tenant: string;
  readonly agent?: string;
  readonly before?: string;
  readonly comment: string;
}

// Not strict: a newer distributor may say more.
const writersSchema = z.object({
  writers: z.array(
    z.object({ writer: z.string(), end: z.object({ seq: z.int() }), proven_to: z.int(), findings: z.int() }),
  ),
});
const keeping = z.object({ days: z.int().nullable(), hold: z.boolean() });
const retentionSchema = z.object({
  default: keeping,
  tenants: z.array(keeping.extend({ tenant: z.string() })),
  erasures: z.array(
    z.object({
      at: z.string(),
      reason: z.string(),
      tenant: z.string().nullable(),
      agent: z.string().nullable(),
      actor: z.string(),
      comment: z.string(),
      records: z.int(),
    }),
  ),
});

/** Adds `audit writers`, `audit retention` and `audit erase`: what only a distributor knows. */
export function addDistributorAudit(audit: Command, shell: Shell): void {
  withDistributorFlags(audit.command('writers').description('list the chains that a distributor stores'))
    .option('--json', 'print JSON', false)
    .addHelpText('after', examples(['whose chains are there?', 'portcullis audit writers']))
    .action(async (flags: ListFlags) => {
      const answer = await withEvidence(shell, flags, (evidence) => evidence.get('writers'));
      if (flags.json) return printJson(shell, answer);
      const { writers } = understood(writersSchema, answer, 'writers');
      printTable(shell, [
        ['WRITER', 'RECORDS', 'PROVEN', 'FINDINGS'],
        ...writers.map((one) => [one.writer, one.end.seq, one.proven_to, one.findings].map(shown)),
      ]);
    });

  withDistributorFlags(
    audit
      .command('retention')
      .description('show how long a distributor keeps records, what is held, and what was erased'),
  )
    .option('--json', 'print JSON', false)
    .addHelpText('after', examples(['what is kept for how long?', 'portcullis audit retention']))
    .action(async (flags: ListFlags) => {
      const answer = await withEvidence(shell, flags, (evidence) => evidence.get('retention'));
      if (flags.json) return printJson(shell, answer);
      const { default: others, tenants, erasures } = understood(retentionSchema, answer, 'retention');
      printTable(shell, [
        ['TENANT', 'DAYS', 'LEGAL HOLD'],
        ...[{ tenant: '(others)', ...others }, ...tenants].map(({ tenant, days, hold }) =>
          [tenant, days ?? 'for ever', hold ? 'yes' : 'no'].map(shown),
        ),
      ]);
      shell.terminal.data('');
      printTable(shell, [
        ['ERASED', 'REASON', 'TENANT', 'AGENT', 'RECORDS', 'BY', 'WHY'],
        ...erasures.map((one) =>
          [one.at, one.reason, one.tenant ?? '-', one.agent ?? '-', one.records, one.actor, one.comment].map(shown),
        ),
      ]);
    });

  withDistributorFlags(
    audit
      .command('erase')
      .description('have the texts of a tenant erased; numbers and hashes stay, and the chains still prove the rest'),
  )
    .requiredOption('--tenant <TENANT>', 'whose')
    .option('--agent <AGENT>', "only this agent's")
    .option('--before <TIME>', 'only what is older, as RFC 3339')
    .requiredOption('--comment <TEXT>', 'why; kept, and shown to those who may see the tenant')
    .option('--json', 'print JSON', false)
    .addHelpText(
      'after',
      examples(['a request for erasure', 'portcullis audit erase --tenant acme --agent a1 --comment "request 4711"']),
    )
    .action(async ({ tenant, agent, before, comment, json, ...flags }: EraseFlags) => {
      const wish = {
        ...{ tenant, comment },
        ...(agent === undefined ? {} : { agent }),
        ...(before === undefined ? {} : { before }),
      };
      const outcome = await withEvidence(shell, flags, (evidence) => evidence.erase(wish));
      if (json) printJson(shell, outcome);
      shell.terminal.say(`${outcome.records} records erased here; the PDPs' own files keep theirs`, 'good');
      if (outcome.uncovered > 0) {
        shell.terminal.say(
          `${outcome.uncovered} records stay, as no checkpoint covers them yet: ask again in a minute`,
          'warning',
        );
      }
    });
}

function shown(value: string | number): string {
  return printable(String(value));
}
