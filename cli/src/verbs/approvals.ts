import type { JsonObject } from '@portcullis/runtime';
import { type Command, Option } from 'commander';
import { type ApproverApi, type ApproverFlags, openApproverApi } from '../approvals/api.js';
import { APPROVAL_HEADING, approvalLines, approvalRow, listOf } from '../approvals/text.js';
import { printJson, printTable, type Shell } from '../shell.js';
import { examples, wholeNumber } from './arguments.js';

const STATES = ['pending', 'approved', 'denied', 'consumed', 'expired', 'revoked', 'all'] as const;
const PDP = '--pdp https://pdp.example.com:8443 --token-file token';
const CERTIFIED =
  '--pdp https://pdp.example.com:8443 --tls-cert pki/approver-acme-vera/cert.pem --tls-key pki/approver-acme-vera/key.pem';

/** Adds the flags that say which PDP, as whom. */
export function withApproverFlags(verb: Command): Command {
  return verb
    .requiredOption('--pdp <URL>', 'the HTTPS endpoint of a PDP, e.g. https://pdp.example.com:8443')
    .option('--token-file <FILE>', 'your token as an approver; - for standard input')
    .option('--tls-cert <FILE>', 'your certificate as an approver, instead of a token or beside it')
    .option('--tls-key <FILE>', 'its private key')
    .option('--tls-ca <FILE>', "the authorities that its certificate must chain to; the system's by default")
    .option('--trust-domain <TD>', 'expect a PDP of this SPIFFE trust domain instead of a host name')
    .option('--json', 'print JSON', false);
}

/** Opens the way to the PDP, runs the work, closes it. */
export async function withApprover<T>(
  shell: Shell,
  flags: ApproverFlags,
  work: (api: ApproverApi) => Promise<T>,
): Promise<T> {
  const api = await openApproverApi(shell, flags);
  try {
    return await work(api);
  } finally {
    await api.close();
  }
}

/** The path of something with an id. */
export function pathOf(kind: 'approvals' | 'grants', id: string, verb = ''): string {
  return `/v1/${kind}/${encodeURIComponent(id)}${verb === '' ? '' : `/${verb}`}`;
}

/** Adds `approvals list`, `show`, `approve`, `deny` and `revoke`. */
export function addApprovalVerbs(program: Command, shell: Shell): void {
  const approvals = program.command('approvals').description('see what agents wait for, and answer');
  withApproverFlags(approvals.command('list').description('print approvals of your tenant, newest first'))
    .addOption(new Option('--state <STATE>', 'which ones').choices(STATES).default('pending'))
    .option('--limit <COUNT>', 'how many at most', wholeNumber(1, 1_000), 100)
    .addHelpText(
      'after',
      examples(
        ['what waits', `portcullis approvals list ${PDP}`],
        ['with a certificate', `portcullis approvals list ${CERTIFIED}`],
      ),
    )
    .action(async (flags: ApproverFlags & { readonly state: string; readonly limit: number }) => {
      const { state, limit } = flags;
      const found = await withApprover(shell, flags, (api) => api.get(`/v1/approvals?state=${state}&limit=${limit}`));
      if (flags.json) printJson(shell, found);
      else
        printTable(shell, [
          APPROVAL_HEADING,
          ...listOf(found['approvals']).map((one) => approvalRow(one as JsonObject)),
        ]);
    });
  withApproverFlags(approvals.command('show').description('print one approval').argument('<ID>', 'its id'))
    .addHelpText('after', examples(['before you answer', `portcullis approvals show 0b0f6a9e-… ${PDP}`]))
    .action(async (id: string, flags: ApproverFlags) => {
      print(shell, flags, await withApprover(shell, flags, (api) => api.get(pathOf('approvals', id))));
    });
  addAnswer(approvals, shell, 'approve', 'agree: the request may be made once, as it is');
  addAnswer(approvals, shell, 'deny', 'refuse: nobody is asked again before it expires');
  addAnswer(approvals, shell, 'revoke', 'take back what has not been used');
}

function addAnswer(approvals: Command, shell: Shell, verb: 'approve' | 'deny' | 'revoke', description: string): void {
  withApproverFlags(approvals.command(verb).description(description).argument('<ID>', 'its id'))
    .option('--comment <TEXT>', 'why; kept in the audit chain', '')
    .addHelpText(
      'after',
      examples(['with a reason', `portcullis approvals ${verb} 0b0f6a9e-… --comment "invoice 4711" ${PDP}`]),
    )
    .action(async (id: string, flags: ApproverFlags & { readonly comment: string }) => {
      const { comment } = flags;
      const answer = await withApprover(shell, flags, (api) => api.post(pathOf('approvals', id, verb), { comment }));
      print(shell, flags, answer);
    });
}

function print(shell: Shell, { json }: ApproverFlags, approval: JsonObject): void {
  if (json) printJson(shell, approval);
  else for (const line of approvalLines(approval)) shell.terminal.data(line);
}
