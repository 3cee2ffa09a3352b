import { readFile } from 'node:fs/promises';
import { PortcullisError } from '@portcullis/runtime';
import type { Command } from 'commander';
import { readSource } from '../bundle/read-source.js';
import { problemFault, usageFault } from '../faults.js';
import { replaceFile } from '../files/private-files.js';
import { coSignDraft } from '../release/co-sign.js';
import type { ReleaseDraft } from '../release/draft.js';
import { encodeDraft, parseDraft } from '../release/draft-file.js';
import { publishRelease } from '../release/publish.js';
import { type RollbackTo, rollbackRelease } from '../release/rollback.js';
import { submitDraft } from '../release/submit.js';
import { printJson, type Shell } from '../shell.js';
import { readSigningKeys } from '../trust/keys.js';
import { examples, wholeNumber } from './arguments.js';
import {
  pinnedRoot,
  type ReleaseFlags,
  releaseOptions,
  type SigningFlags,
  waitMsOf,
  withConnectionFlags,
  withDistributor,
  withReleaseFlags,
  withSigningFlags,
  withWaitFlag,
} from './release-flags.js';
import { pointerText, progressPrinter, reportMissing, reportPublish } from './release-output.js';
import { addReleaseStatus } from './release-status.js';

function addPublish(release: Command, shell: Shell): void {
  withReleaseFlags(
    release
      .command('publish')
      .description('build, sign and release a policy directory')
      .argument('<DIR>', 'a directory with a bundle.yaml'),
  )
    .option('--draft <FILE>', 'where to write the draft when more signatures are needed')
    .addHelpText(
      'after',
      examples(
        [
          'release and wait until every PDP enforces it',
          'portcullis release publish policies --env prod --keys trust/keys --wait',
        ],
        [
          'with a reason, in a pipeline',
          'portcullis release publish policies --env prod --keys keys --reason "CHG-123" --wait=60 --json',
        ],
      ),
    )
    .action(async (directory: string, flags: ReleaseFlags & { readonly draft?: string }) => {
      const source = await readSource(directory);
      const result = await withDistributor(shell, flags, async (api, context) =>
        publishRelease({ ...(await releaseOptions(shell, flags, api, context)), source }),
      );
      await reportPublish(shell, result, {
        json: flags.json,
        what: directory,
        directory,
        ...(flags.draft === undefined ? {} : { draftFile: flags.draft }),
      });
    });
}

interface RollbackFlags extends ReleaseFlags {
  readonly to?: number;
  readonly toVersion?: string;
}

function rollbackTo(flags: RollbackFlags): RollbackTo {
  if (flags.to !== undefined && flags.toVersion !== undefined)
    throw usageFault('--to and --to-version: expected only one of them');
  if (flags.to !== undefined) return { kind: 'seq', seq: flags.to };
  return flags.toVersion === undefined ? { kind: 'previous' } : { kind: 'version', version: flags.toVersion };
}

function addRollback(release: Command, shell: Shell): void {
  withReleaseFlags(
    release
      .command('rollback')
      .description('release earlier content again, under a higher seq; by default that of the release before'),
  )
    .option('--to <SEQ>', 'the seq whose content to go back to', wholeNumber(1, Number.MAX_SAFE_INTEGER))
    .option('--to-version <V>', 'the newest earlier release of this policy version')
    .addHelpText(
      'after',
      examples(
        [
          'undo the last release now',
          'portcullis release rollback --env prod --keys trust/keys --reason "error budget" --wait',
        ],
        ['go back to a known version', 'portcullis release rollback --env prod --keys trust/keys --to-version 1.4.2'],
      ),
    )
    .action(async (flags: RollbackFlags) => {
      const to = rollbackTo(flags);
      const result = await withDistributor(shell, flags, async (api, context) =>
        rollbackRelease({ ...(await releaseOptions(shell, flags, api, context)), to }),
      );
      await reportPublish(shell, result, { json: flags.json, what: 'rollback' });
    });
}

async function readDraft(file: string): Promise<ReleaseDraft> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new PortcullisError(
      'ERR_RELEASE_DRAFT',
      'invalid',
      `${file} cannot be read: expected a draft of "release publish"`,
      { cause },
    );
  });
  const draft = parseDraft(new Uint8Array(bytes));
  if (!draft.ok) throw problemFault('ERR_RELEASE_DRAFT', `${file} is not a draft`, draft.problems);
  return draft.value;
}

function addSign(release: Command, shell: Shell): void {
  withSigningFlags(
    withConnectionFlags(
      release
        .command('sign')
        .description('check a draft against what is released now, show it, and with --keys add signatures to it')
        .argument('<FILE>', 'a draft of "release publish"'),
    ),
  )
    .addHelpText(
      'after',
      examples(
        ['look before you sign', 'portcullis release sign release-prod-default-7.draft.json --root root.json'],
        [
          'sign',
          'portcullis release sign release-prod-default-7.draft.json --root root.json --keys holders/policy-owner-2',
        ],
      ),
    )
    .action(async (file: string, flags: SigningFlags & { readonly json: boolean }) => {
      const draft = await readDraft(file);
      const signed = await withDistributor(shell, flags, async (api, context) =>
        coSignDraft(api, draft, {
          rootBytes: await pinnedRoot(context),
          keys: flags.keys === undefined ? [] : await readSigningKeys(flags.keys),
          now: shell.clock.now(),
        }),
      );
      if (flags.json)
        printJson(shell, { pointer: draft.pointer, missing: signed.missing, complete: signed.missing.length === 0 });
      else shell.terminal.data(pointerText(draft.pointer));
      if (flags.keys !== undefined) await replaceFile(file, encodeDraft(signed.draft), 0o644);
      if (signed.missing.length > 0) reportMissing(shell, file, signed.missing);
      else shell.terminal.say(`all signatures are there; run: portcullis release submit ${file}`, 'good');
    });
}

function addSubmit(release: Command, shell: Shell): void {
  withWaitFlag(
    withSigningFlags(
      withConnectionFlags(
        release
          .command('submit')
          .description('release a draft that has all its signatures')
          .argument('<FILE>', 'a signed draft'),
      ),
    ),
  )
    .addHelpText(
      'after',
      examples([
        'after the last holder has signed',
        'portcullis release submit release-prod-default-7.draft.json --root root.json --wait',
      ]),
    )
    .action(async (file: string, flags: ReleaseFlags) => {
      const draft = await readDraft(file);
      const waitMs = waitMsOf(flags.wait);
      const result = await withDistributor(shell, flags, async (api, context) => {
        const checked = await coSignDraft(api, draft, {
          rootBytes: await pinnedRoot(context),
          keys: flags.keys === undefined ? [] : await readSigningKeys(flags.keys),
          now: shell.clock.now(),
        });
        const progress = {
          onStep: (message: string) => shell.terminal.say(message, 'dim'),
          onProgress: progressPrinter(shell),
        };
        const options = {
          ...progress,
          clock: shell.clock,
          signal: shell.signal,
          ...(waitMs === undefined ? {} : { waitMs }),
        };
        return submitDraft(api, checked.view, checked.draft, options, 0);
      });
      await reportPublish(shell, result, { json: flags.json, what: file, draftFile: file });
    });
}

/** Adds `release publish`, `status`, `rollback`, `sign` and `submit`. */
export function addReleaseVerbs(program: Command, shell: Shell): void {
  const release = program
    .command('release')
    .helpCommand(false)
    .description('release policies to PDPs, and take releases back');
  addPublish(release, shell);
  addReleaseStatus(release, shell);
  addRollback(release, shell);
  addSign(release, shell);
  addSubmit(release, shell);
}
