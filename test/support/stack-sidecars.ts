/** Sidecars in front of the PDPs of a stack, as processes of their own and as wrappers of an MCP server. */

import { join } from 'node:path';
import type { TlsFiles } from '@portcullis/runtime';
import { entryOf, runService, type ServiceProcess, writeConfig } from './service-process.js';
import { AGENT, type StackFiles, TRUST_DOMAIN } from './stack-files.js';

/** A sidecar of the stack. */
export interface SidecarProcess extends ServiceProcess {
  /** The MCP endpoint of an upstream. */
  mcpUrl(upstream: string): string;
}

/** Where a sidecar differs from the defaults. */
export interface SidecarOptions {
  readonly name?: string;
  readonly upstreams: readonly { readonly name: string; readonly url: string; readonly [key: string]: unknown }[];
  /** All PDPs by default. */
  readonly endpoints?: readonly string[];
  readonly tls?: TlsFiles;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly pdp?: Readonly<Record<string, unknown>>;
  /** Options of Node, for a look into the process. */
  readonly nodeArgs?: readonly string[];
}

/** How they are started. */
export interface StackSidecars {
  startSidecar(options: SidecarOptions): Promise<SidecarProcess>;
  /** Writes a configuration for `portcullis-sidecar mcp` and returns the command line up to `--`. */
  stdioWrapper(
    server: string,
    options?: Pick<SidecarOptions, 'pdp' | 'config'>,
  ): Promise<{ readonly command: string; readonly args: readonly string[] }>;
}

/** Of each that is started, `onStart` is told. */
export function createSidecars(
  { folder, tls }: StackFiles,
  pdpEndpoints: readonly string[],
  log: { readonly level: string },
  onStart: (service: ServiceProcess) => void,
): StackSidecars {
  let sidecars = 0;
  const sidecarConfig = async (name: string, sidecar: SidecarOptions): Promise<string> =>
    writeConfig(join(folder, `${name}.json`), {
      trustDomain: TRUST_DOMAIN,
      tls: sidecar.tls ?? tls({ kind: 'agent', ...AGENT }),
      log,
      environment: 'prod',
      pdp: { endpoints: sidecar.endpoints ?? pdpEndpoints, ...sidecar.pdp },
      ...(sidecar.upstreams.length === 0
        ? {}
        : { mcp: { upstreams: sidecar.upstreams, definitions: { unseen: 'ask', sameNames: 'within_server' } } }),
      ...sidecar.config,
    });

  return {
    async startSidecar(sidecar) {
      sidecars += 1;
      const name = sidecar.name ?? `sidecar-${sidecars}`;
      const service = await runService({
        name,
        entry: entryOf('sidecar'),
        configFile: await sidecarConfig(name, sidecar),
        ...(sidecar.nodeArgs === undefined ? {} : { nodeArgs: sidecar.nodeArgs }),
      });
      onStart(service);
      return Object.assign(service, {
        mcpUrl: (upstream: string) => `http://${service.addresses['mcp'] ?? ''}/mcp/${upstream}`,
      });
    },
    async stdioWrapper(server, wrapping = {}) {
      sidecars += 1;
      const config = await sidecarConfig(`wrapper-${sidecars}`, {
        ...wrapping,
        upstreams: [],
        config: { stdio: { server }, ...wrapping.config },
      });
      return { command: process.execPath, args: [entryOf('sidecar'), 'mcp', '--config', config, '--'] };
    },
  };
}
