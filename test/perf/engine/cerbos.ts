/** Cerbos is a server; it is measured over HTTP on loopback, which is the only way that other programs can ask it. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../support/free-port.js';
import { startHttpPeer } from './http-peer.js';
import { findPeer, missingPeer, type PeerRecipe } from './peer-binary.js';
import type { Subject } from './subject.js';
import type { WorkRule } from './workload.js';

const RECIPE: PeerRecipe = {
  name: 'cerbos',
  variable: 'CERBOS_BIN',
  advice:
    'GOBIN=FOLDER go install github.com/cerbos/cerbos/cmd/cerbos@latest   (needs its newest Go; or unpack a release there)',
};

/** Cerbos: one resource policy per tool, agents as roles, operations as actions. */
export const CERBOS: Subject = {
  missing: () => (findPeer(RECIPE) === undefined ? missingPeer(RECIPE) : undefined),
  async prepare({ rules }) {
    const cerbos = findPeer(RECIPE) ?? RECIPE.name;
    const folder = await mkdtemp(join(tmpdir(), 'bench-cerbos-'));
    const policies = join(folder, 'policies');
    await mkdir(policies);
    for (const [tool, own] of Map.groupBy(rules, (rule) => rule.tool)) {
      await writeFile(join(policies, `tool-${tool}.json`), JSON.stringify(resourcePolicy(tool, own)));
    }
    return {
      async load() {
        const [http, grpc] = [await freePort(), await freePort()];
        const config = join(folder, 'config.yaml');
        await writeFile(
          config,
          JSON.stringify({
            server: { httpListenAddr: `127.0.0.1:${http}`, grpcListenAddr: `127.0.0.1:${grpc}` },
            storage: { driver: 'disk', disk: { directory: policies, watchForChanges: false } },
            telemetry: { disabled: true },
            audit: { enabled: false },
          }),
        );
        const server = await startHttpPeer(
          cerbos,
          ['server', `--config=${config}`, '--log-level=error', '--debug-listen-addr=127.0.0.1:0'],
          { origin: `http://127.0.0.1:${http}`, healthPath: '/_cerbos/health' },
        );
        return {
          pid: server.pid,
          encode: ({ agent, tool, operation, tokens }) =>
            JSON.stringify({
              principal: { id: 'someone', roles: [`agent-${agent}`] },
              resources: [
                { actions: [`op-${operation}`], resource: { kind: `tool-${tool}`, id: 'it', attr: { tokens } } },
              ],
            }),
          async decide(encoded) {
            const answer = (await server.post('/api/check/resources', encoded as string)) as {
              readonly results: readonly { readonly actions: Readonly<Record<string, string>> }[];
            };
            return Object.values(answer.results[0]?.actions ?? {}).every((effect) => effect === 'EFFECT_ALLOW');
          },
          async close() {
            await server.stop();
            await rm(folder, { recursive: true });
          },
        };
      },
    };
  },
};

/** The rules of one tool as a policy of Cerbos. */
export function resourcePolicy(tool: number, rules: readonly WorkRule[]): object {
  return {
    apiVersion: 'api.cerbos.dev/v1',
    resourcePolicy: {
      version: 'default',
      resource: `tool-${tool}`,
      rules: rules.map(({ agent, operation, limit, effect }) => ({
        actions: [`op-${operation}`],
        roles: [`agent-${agent}`],
        effect: effect === 'allow' ? 'EFFECT_ALLOW' : 'EFFECT_DENY',
        condition: { match: { expr: `R.attr.tokens < ${limit}` } },
      })),
    },
  };
}
