/**
 * The official Python MCP clients, unmodified, through a sidecar: what they see is what they see without it, but for what
 * is denied, which never arrives.
 */
import { join } from 'node:path';
import type { Route } from '../integration/mcp-clients/clients.js';
import { type ClientRig, type ServerName, startClientRig, type Through } from '../integration/mcp-clients/rig.js';
import { startProcess } from '../support/child-process.js';
import { repositoryRoot } from '../support/root.js';

/** One check and what came out; `undefined` is a pass. */
export interface PythonMcpCheck {
  readonly name: string;
  readonly failure?: string;
}

/** A generation of the SDK: a Python that has it, and the revisions that it speaks. */
export interface PythonMcpClient {
  readonly name: string;
  readonly python: string;
  readonly speaks: readonly {
    readonly server: ServerName;
    /** How a 2.x client is to agree on a revision. */
    readonly mode: 'legacy' | 'auto';
    readonly version: string;
  }[];
}

interface Met {
  readonly version: string;
  readonly tools: readonly { readonly name: string }[];
  readonly forbidden: { readonly code?: number; readonly data?: { readonly reason_code?: string } };
  readonly journal: string;
  readonly progress: readonly number[] | null;
}

const DENIED = -31403;

/** Runs all checks, over stdio and Streamable HTTP. */
export async function checkWithPythonMcp(clients: readonly PythonMcpClient[]): Promise<readonly PythonMcpCheck[]> {
  const rig = await startClientRig();
  const checks: PythonMcpCheck[] = [];
  try {
    for (const { name, python, speaks } of clients) {
      for (const transport of ['http', 'stdio'] as const) {
        for (const { server, mode, version } of speaks) {
          const through = (way: Through): Promise<Met | string> => use(rig, python, { server, transport, mode }, way);
          const [direct, open] = [await through('direct'), await through('open')];
          const failure = differenceOf(direct, open, version);
          const check = `${name}, ${version} over ${transport}`;
          checks.push(failure === undefined ? { name: check } : { name: check, failure });
        }
      }
    }
    return checks;
  } finally {
    await rig.close();
  }
}

async function use(
  rig: ClientRig,
  python: string,
  { server, transport, mode }: { server: ServerName; transport: 'http' | 'stdio'; mode: string },
  through: Through,
): Promise<Met | string> {
  const route: Route = await rig.routeTo({ server, transport }, through);
  const script = join(repositoryRoot(), 'test', 'conformance', 'python', 'use_tools.py');
  let printed = '';
  const running = startProcess(python, [script, JSON.stringify({ ...route, mode })], {
    onLine: (line) => {
      printed = line;
    },
  });
  const { code } = await running.exited;
  return code === 0 ? (JSON.parse(printed) as Met) : running.output();
}

/** What is not as it should be; `undefined` when all is. */
function differenceOf(direct: Met | string, open: Met | string, version: string): string | undefined {
  if (typeof direct === 'string') return `without the sidecar: ${direct}`;
  if (typeof open === 'string') return open;
  if (open.version !== version || direct.version !== version)
    return `agreed on ${direct.version}, then ${open.version}`;
  if (open.progress !== null && open.progress.join() !== '1,2,3') return `heard of progress ${open.progress.join()}`;
  const { code, data } = open.forbidden;
  if (code !== DENIED || data?.reason_code !== 'NO_WAY') return `the denied call: ${JSON.stringify(open.forbidden)}`;
  if (direct.forbidden.code !== undefined || !direct.journal.includes('forbidden python')) return 'nothing was denied';
  const common = ({ journal: _journal, forbidden: _forbidden, ...rest }: Met): string =>
    JSON.stringify({ ...rest, tools: rest.tools.filter(({ name }) => name !== 'forbidden') });
  if (open.tools.some(({ name }) => name === 'forbidden')) return 'a tool that may not be called is shown';
  return common(open) === common(direct) ? undefined : `differs:\n${common(direct)}\n${common(open)}`;
}
