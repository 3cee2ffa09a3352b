/** Step 2 of a release: every bundle that targets newly names is here, is what was signed, and compiles. */

import type { Checked, Problem } from '@portcullis/policy/model';
import { BUNDLE_PATH, hashesOf, isSha256Hex } from '@portcullis/policy/trust';
import type { Incoming } from '../repository/incoming.js';
import type { Repository, TargetFile } from '../repository/repository.js';
import type { TargetsMetadata } from '../repository/state.js';

/** No bundle is larger (contracts §10). */
export const MAX_BUNDLE_BYTES = 16 * 1024 * 1024;

/** Unpacks and compiles a bundle; problems when a PDP would refuse it. */
export type InspectBundle = (bytes: Uint8Array) => Promise<Checked<{ readonly policyVersion: string }>>;

/** Where bundles are looked for. */
export interface BundleSources {
  readonly incoming: Pick<Incoming, 'get'>;
  readonly repository: Pick<Repository, 'readTarget'>;
  readonly inspect: InspectBundle;
}

/** Checks what differs between two versions of targets; the files that must be published with it. */
export async function acceptBundles(
  before: TargetsMetadata,
  after: TargetsMetadata,
  sources: BundleSources,
): Promise<{ readonly problems: readonly Problem[]; readonly files: readonly TargetFile[] }> {
  const problems: Problem[] = [];
  const files: TargetFile[] = [];
  for (const [path, target] of Object.entries(after.signed.targets)) {
    const old = Object.hasOwn(before.signed.targets, path) ? before.signed.targets[path] : undefined;
    if (old?.equals(target) === true) continue;
    const refuse = (code: string, message: string): void => void problems.push({ code, message, path });
    const { sha256 = '', sha512 = '' } = target.hashes;
    if (
      !isSha256Hex(sha256) ||
      path !== BUNDLE_PATH(sha256) ||
      Object.keys(target.hashes).toSorted().join() !== 'sha256,sha512'
    ) {
      refuse('ERR_BUNDLE_TARGET', 'a bundle target has a sha256, a sha512 and the path of its sha256');
      continue;
    }
    if (target.length > MAX_BUNDLE_BYTES) {
      refuse('ERR_BUNDLE_TARGET', `a bundle has at most ${MAX_BUNDLE_BYTES} bytes`);
      continue;
    }
    const bytes = (await sources.incoming.get(sha256)) ?? (await sources.repository.readTarget(path, sha256));
    if (bytes === undefined) {
      refuse('ERR_BUNDLE_MISSING', `upload the bundle first: PUT /v1/bundles/${sha256}`);
      continue;
    }
    const found = hashesOf(bytes);
    if (bytes.byteLength !== target.length || found.sha256 !== sha256 || found.sha512 !== sha512) {
      refuse('ERR_BUNDLE_DIGEST', 'the uploaded bundle is not the one that was signed');
      continue;
    }
    const inspected = await sources.inspect(bytes);
    if (!inspected.ok) {
      problems.push(...inspected.problems);
      continue;
    }
    const stated = policyVersionOf(target.custom);
    if (stated !== inspected.value.policyVersion) {
      refuse(
        'ERR_BUNDLE_VERSION',
        `targets says policy version ${stated ?? 'nothing'}, the bundle ${inspected.value.policyVersion}`,
      );
      continue;
    }
    files.push({ path, sha256, bytes });
  }
  return { problems, files };
}

/** The policy version that targets states about a bundle. */
export function policyVersionOf(custom: Readonly<Record<string, unknown>>): string | undefined {
  const portcullis = custom['portcullis'];
  if (typeof portcullis !== 'object' || portcullis === null) return undefined;
  const version: unknown = Reflect.get(portcullis, 'policy_version');
  return typeof version === 'string' ? version : undefined;
}
