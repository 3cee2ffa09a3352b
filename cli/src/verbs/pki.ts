import type { Command } from 'commander';
import { APPROVER_LEAF_DAYS, createDevelopmentPki, DEFAULT_LEAF_DAYS, issueLeaf } from '../pki/development.js';
import { readAuthority, writeDevelopmentPki, writeLeaf } from '../pki/files.js';
import { LEAF_KINDS, type LeafIdentity, type LeafKind, parseLeafIdentity } from '../pki/identity.js';
import type { Shell } from '../shell.js';
import { collect, examples, wholeNumber } from './arguments.js';

type LeafNames = { readonly [kind in LeafKind]: readonly string[] };

interface PkiInitFlags extends LeafNames {
  readonly dir: string;
  readonly trustDomain: string;
  readonly days?: number;
  readonly force: boolean;
}

interface PkiIssueFlags extends LeafNames {
  readonly dir: string;
  readonly days?: number;
  readonly force: boolean;
}

const LEAF_HELP = {
  pdp: ['NAME', 'a PDP (server and client)'],
  distributor: ['NAME', 'a distributor (server and client)'],
  publisher: ['NAME', 'someone who publishes releases (client)'],
  gateway: ['NAME', 'a gateway that speaks for several agents (client)'],
  agent: ['TENANT/AGENT', "an agent's sidecar (client)"],
  approver: ['TENANT/NAME', 'someone who answers approvals (client); known to PDPs by `approvals.certificates`'],
} as const satisfies Record<LeafKind, readonly [string, string]>;

function withLeafFlags(verb: Command): Command {
  for (const kind of LEAF_KINDS) {
    const [value, what] = LEAF_HELP[kind];
    verb.option(`--${kind} <${value}>`, `${what}; may be repeated`, collect, []);
  }
  return verb
    .option(
      '--days <n>',
      `validity of the leaves, in days; by default ${DEFAULT_LEAF_DAYS}, ` +
        `an approver's ${APPROVER_LEAF_DAYS.usual} (at most ${APPROVER_LEAF_DAYS.most})`,
      wholeNumber(1, 3650),
    )
    .option('--force', 'replace files that exist already', false);
}

function leavesOf(flags: LeafNames): readonly LeafIdentity[] {
  return LEAF_KINDS.flatMap((kind) => flags[kind].map((name) => parseLeafIdentity(kind, name)));
}

function lifeOf({ days }: Pick<PkiIssueFlags, 'days'>): { readonly days?: number } {
  return days === undefined ? {} : { days };
}

function warn(shell: Shell): void {
  shell.terminal.say(
    'DEVELOPMENT CA: its private key lies beside the certificates. Do not use it in production.',
    'warning',
  );
}

/** Adds `pki init` and `pki issue`. */
export function addPkiVerbs(program: Command, shell: Shell): void {
  const pki = program
    .command('pki')
    .helpCommand(false)
    .description('make certificates for development (mTLS with SPIFFE ids)');

  withLeafFlags(
    pki
      .command('init')
      .description('make a development CA and its first certificates')
      .requiredOption('--dir <DIR>', 'where to write ca.pem and one folder per certificate')
      .requiredOption('--trust-domain <TD>', 'the SPIFFE trust domain, e.g. example.org'),
  )
    .addHelpText(
      'after',
      examples([
        'everything for one PDP, one distributor and one agent',
        'portcullis pki init --dir pki --trust-domain example.org --pdp pdp-1 --distributor main --publisher ci --agent acme/bot',
      ]),
    )
    .action(async (flags: PkiInitFlags) => {
      const made = await createDevelopmentPki({
        trustDomain: flags.trustDomain,
        leaves: leavesOf(flags),
        now: new Date(shell.clock.now()),
        ...lifeOf(flags),
      });
      await writeDevelopmentPki(flags.dir, made, { force: flags.force });
      for (const leaf of made.leaves) shell.terminal.data(`${leaf.folder}\t${leaf.spiffeId}`);
      warn(shell);
    });

  withLeafFlags(
    pki
      .command('issue')
      .description('add certificates to a development CA that exists')
      .requiredOption('--dir <DIR>', 'the directory that "pki init" wrote'),
  )
    .addHelpText(
      'after',
      examples(
        ['one more PDP', 'portcullis pki issue --dir pki --pdp pdp-2'],
        ['somebody who answers approvals, for a day', 'portcullis pki issue --dir pki --approver acme/vera'],
      ),
    )
    .action(async (flags: PkiIssueFlags) => {
      const identities = leavesOf(flags);
      if (identities.length === 0) {
        shell.terminal.say(
          `nothing to issue: name at least one of ${LEAF_KINDS.map((kind) => `--${kind}`).join(', ')}`,
          'bad',
        );
        shell.exit(2);
        return;
      }
      const authority = await readAuthority(flags.dir);
      for (const identity of identities) {
        const leaf = await issueLeaf(authority, identity, { now: new Date(shell.clock.now()), ...lifeOf(flags) });
        await writeLeaf(flags.dir, leaf, { force: flags.force });
        shell.terminal.data(`${leaf.folder}\t${leaf.spiffeId}`);
      }
      warn(shell);
    });
}
