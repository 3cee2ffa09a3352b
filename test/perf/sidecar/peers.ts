/** Peers that do part of a sidecar's work. Never fetched without being asked for; whoever is not there is said to be missing. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../../support/root.js';

/** Where the entry of a peer that runs on Node is looked for. */
interface NodePeer {
  readonly name: string;
  /** The environment variable that names its entry. */
  readonly variable: string;
  /** Below `.cache/peers`. */
  readonly entry: string;
  /** What to type, with `FOLDER` for the folder that is looked into. */
  readonly advice: string;
}

/**
 * Portkey's gateway: models only. With the versions of Hono that its own lock file has: npm would take newer ones, and from
 * `@hono/node-server` 1.14.2 on its answer to every stream is 500 (issue 1389 of Portkey-AI/gateway).
 */
export const PORTKEY: NodePeer = {
  name: 'portkey',
  variable: 'PORTKEY_GATEWAY',
  entry: 'portkey/node_modules/@portkey-ai/gateway/build/start-server.js',
  advice:
    'npm install --ignore-scripts --prefix FOLDER/portkey @portkey-ai/gateway@1.15.2 @hono/node-server@1.13.5 ' +
    '@hono/node-ws@1.2.0 hono@4.9.7',
};

/** The MCP proxy of Microsoft's Agent Governance Toolkit: MCP over pipes only. */
export const AGT_MCP_PROXY: NodePeer = {
  name: 'agt-mcp-proxy',
  variable: 'AGT_MCP_PROXY',
  entry: 'agt-mcp-proxy/dist/cli.js',
  advice:
    'copy agent-governance-python/agent-mesh/packages/mcp-proxy of microsoft/agent-governance-toolkit to ' +
    'FOLDER/agt-mcp-proxy, and there: npm install --ignore-scripts && npx tsc',
};

/** The file to start; nothing, and a line about it, when it is not here. */
export function nodePeer({ name, variable, entry, advice }: NodePeer): string | undefined {
  const folder = join(repositoryRoot(), '.cache', 'peers');
  const found = [process.env[variable], join(folder, entry)].find((file) => file !== undefined && existsSync(file));
  if (found === undefined) {
    const how = advice.replaceAll('FOLDER', folder);
    process.stderr.write(`${name} is not measured: it is neither named by ${variable} nor found. Type: ${how}\n`);
  }
  return found;
}
