import { TRUST_PROFILES, type TrustProfile } from '@portcullis/policy/trust';
import { type Command, Option } from 'commander';
import { EXIT } from '../exit-codes.js';
import { usageFault } from '../faults.js';
import { replaceFile } from '../files/private-files.js';
import { reachKeepers } from '../kill/reach.js';
import { inFile, reportProblems } from '../problems.js';
import type { ConnectionFlags } from '../release/connection.js';
import { printJson, printTable, type Shell } from '../shell.js';
import { initTrust } from '../trust/init.js';
import { readSigningKeys } from '../trust/keys.js';
import { parseRoleKeys, rotateRootFile } from '../trust/rotate.js';
import { parseNewKillKeys, rotateKills } from '../trust/rotate-kills.js';
import { describeRoot, readRootFile } from '../trust/show.js';
import { collect, examples } from './arguments.js';
import {
  pinnedRoot,
  type SigningFlags,
  withConnectionFlags,
  withDistributor,
  withSigningFlags,
} from './release-flags.js';

interface InitFlags {
  readonly profile: TrustProfile;
  readonly env: readonly string[];
  readonly dir: string;
  readonly force: boolean;
  readonly json: boolean;
}

interface RotateFlags {
  readonly root: string;
  readonly keys: readonly string[];
  readonly replace: readonly string[];
  readonly output: string;
}

const DEV_BANNER = [
  '###################################################################',
  '#  DEVELOPMENT TRUST: every key lies in one folder, unprotected.  #',
  '#  Whoever reads that folder decides what your agents may do.     #',
  '#  For anything real: portcullis trust init --profile team        #',
  '###################################################################',
].join('\n');

function addInit(trust: Command, shell: Shell): void {
  trust
    .command('init')
    .description('create all signing keys and the first trust metadata')
    .addOption(
      new Option('--profile <PROFILE>', 'dev: all keys in one folder; team: one folder per holder, 2-of-3 root')
        .choices(TRUST_PROFILES)
        .makeOptionMandatory(),
    )
    .requiredOption('--env <ENV>', 'the environment, e.g. prod; may be repeated', collect)
    .requiredOption('--dir <DIR>', 'where to write root.json, metadata and keys')
    .option('--force', 'replace files that exist already', false)
    .option('--json', 'print JSON (never the keys themselves)', false)
    .addHelpText(
      'after',
      examples(
        ['try it on one machine', 'portcullis trust init --profile dev --env dev --dir trust'],
        [
          'a team: prints who must take which key, and which go offline',
          'portcullis trust init --profile team --env staging --env prod --dir trust',
        ],
      ),
    )
    .action(async (flags: InitFlags) => {
      const made = await initTrust({
        profile: flags.profile,
        envs: flags.env,
        directory: flags.dir,
        now: shell.clock.now(),
        force: flags.force,
      });
      if (flags.json) {
        printJson(shell, {
          root: made.rootFile,
          metadata: made.metadataDirectory,
          distributor_keys: made.distributorKeys,
          publisher_keys: made.publisherKeys,
          custody: made.custody,
        });
      } else if (flags.profile === 'team') shell.terminal.data(made.page);
      else {
        shell.terminal.data(`root for PDPs      ${made.rootFile}`);
        shell.terminal.data(`first metadata     ${made.metadataDirectory}`);
        shell.terminal.data(`distributor keys   ${made.distributorKeys}`);
        shell.terminal.data(`publisher keys     ${made.publisherKeys.join(', ')}`);
      }
      if (flags.profile === 'dev') shell.terminal.say(DEV_BANNER, 'warning');
    });
}

function addShow(trust: Command, shell: Shell): void {
  trust
    .command('show')
    .description('show what a root file says: version, expiry, keys and thresholds')
    .requiredOption('--root <FILE>', 'a root.json')
    .option('--json', 'print JSON', false)
    .addHelpText('after', examples(['whose keys count', 'portcullis trust show --root trust/root.json']))
    .action(async (flags: { readonly root: string; readonly json: boolean }) => {
      const report = describeRoot(await readRootFile(flags.root), shell.clock.now());
      if (!report.ok) {
        reportProblems(shell, inFile(flags.root, report.problems), { json: flags.json, what: flags.root });
        return;
      }
      const { version, expires, expired, roles } = report.value;
      if (flags.json) {
        printJson(shell, report.value);
        return;
      }
      shell.terminal.data(`version  ${version}`);
      shell.terminal.data(`expires  ${expires}${expired ? ' (EXPIRED)' : ''}`);
      shell.terminal.data('');
      printTable(shell, [
        ['ROLE', 'THRESHOLD', 'KEYS'],
        ...roles.map((row) => [
          row.role,
          `${row.threshold} of ${row.key_ids.length}`,
          row.key_ids.map((id) => id.slice(0, 12)).join(' '),
        ]),
      ]);
    });
}

function addRotate(trust: Command, shell: Shell): void {
  trust
    .command('rotate-root')
    .description('sign the next root: renew it, or replace the keys of some roles')
    .requiredOption('--root <FILE>', 'the current root.json')
    .requiredOption(
      '--keys <DIR>',
      "a root holder's folder; repeat it until the thresholds of both roots are met",
      collect,
    )
    .option(
      '--replace <ROLE=DIR[:N]>',
      'new keys for a role, and how many of them must sign; may be repeated',
      collect,
      [],
    )
    .requiredOption('-o, --output <FILE>', 'where to write the next root')
    .addHelpText(
      'after',
      examples(
        [
          'renew before it expires',
          'portcullis trust rotate-root --root root.json --keys holders/root-1 --keys holders/root-2 -o 2.root.json',
        ],
        [
          'replace the timestamp key',
          'portcullis trust rotate-root --root root.json --keys holders/root-1 --keys holders/root-2 --replace timestamp=new-timestamp -o 2.root.json',
        ],
      ),
    )
    .action(async (flags: RotateFlags) => {
      const next = await rotateRootFile({
        current: await readRootFile(flags.root),
        keyDirectories: flags.keys,
        replace: flags.replace.map(parseRoleKeys),
        now: shell.clock.now(),
      });
      await replaceFile(flags.output, next.bytes, 0o644);
      shell.terminal.data(flags.output);
      shell.terminal.say(
        `root version ${next.version}: now run: portcullis trust publish-root ${flags.output}`,
        'good',
      );
    });
}

function addPublishRoot(trust: Command, shell: Shell): void {
  withConnectionFlags(
    trust
      .command('publish-root')
      .description('hand the next root to the distributor, whose PDPs then take it over')
      .argument('<FILE>', 'what "trust rotate-root" wrote'),
  )
    .addHelpText('after', examples(['after a rotation', 'portcullis trust publish-root 2.root.json']))
    .action(async (file: string, flags: ConnectionFlags & { readonly json: boolean }) => {
      const bytes = await readRootFile(file);
      const refusal = await withDistributor(shell, flags, (api) => api.postRoot(bytes));
      if (flags.json)
        printJson(shell, refusal === undefined ? { outcome: 'published' } : { outcome: 'refused', refusal });
      if (refusal === undefined) {
        shell.terminal.say(`${file} is published`, 'good');
        return;
      }
      shell.terminal.say(
        `the distributor refused: ${refusal.message} (${refusal.code}, HTTP ${refusal.status})`,
        'bad',
      );
      shell.exit(EXIT.refused);
    });
}

interface RotateKillsFlags extends SigningFlags {
  readonly newKeys: string;
  readonly pdp?: readonly string[];
  readonly json: boolean;
}

function addRotateKills(trust: Command, shell: Shell): void {
  withSigningFlags(
    withConnectionFlags(
      trust
        .command('rotate-kills')
        .description("replace the keys that may sign an environment's kill lists; what is stopped stays stopped"),
    ),
  )
    .requiredOption('--new-keys <DIR[:N]>', 'a folder with the new keys, and how many of them must sign; default all')
    .option('--pdp <URL>', 'the HTTPS address of a PDP whose kills are carried over; may be repeated', collect)
    .addHelpText(
      'after',
      examples([
        'after an operator left',
        'portcullis trust rotate-kills --env prod --root root.json --keys holders/policy-owner-1 --new-keys new-operators:1',
      ]),
    )
    .action(async (flags: RotateKillsFlags) => {
      const { keys: folders } = flags;
      if (folders === undefined) throw usageFault('--keys: expected the folders with the keys of targets');
      const { directory, threshold } = parseNewKillKeys(flags.newKeys);
      const newKeys = await readSigningKeys([directory]);
      const result = await withDistributor(shell, flags, async (api, context) => {
        const reach = await reachKeepers(context, [...context.pdps, ...(flags.pdp ?? [])], shell.signal);
        try {
          return await rotateKills({
            api,
            endpoints: reach.endpoints,
            rootBytes: await pinnedRoot(context),
            env: context.env,
            channel: context.channel,
            keys: await readSigningKeys(folders),
            newKeys,
            threshold: threshold ?? newKeys.length,
            clock: shell.clock,
          });
        } finally {
          await reach.close();
        }
      });
      if (flags.json) printJson(shell, result);
      if (result.outcome === 'rotated') {
        const { targetsVersion, seq, kills } = result;
        shell.terminal.say(
          `targets ${targetsVersion}, kill list ${seq} with ${kills.length} kills: lists of the old keys are refused from now on`,
          'good',
        );
        return;
      }
      const { message, code, status } = result.refusal;
      shell.terminal.say(`the distributor refused: ${message} (${code}, HTTP ${status})`, 'bad');
      shell.exit(EXIT.refused);
    });
}

/** Adds `trust init`, `trust show`, `trust rotate-root`, `trust publish-root` and `trust rotate-kills`. */
export function addTrustVerbs(program: Command, shell: Shell): void {
  const trust = program.command('trust').helpCommand(false).description('create and change whose signatures count');
  addInit(trust, shell);
  addShow(trust, shell);
  addRotate(trust, shell);
  addPublishRoot(trust, shell);
  addRotateKills(trust, shell);
}
