/** What the verbs do, as functions: the demo and the integration tests call exactly what the command line calls. */

export { type BundleReport, inspectBundle } from './bundle/inspect.js';
export { buildFromDirectory, engineOf, type LoadedEngine, loadEngine } from './bundle/load-engine.js';
export { readSource } from './bundle/read-source.js';
export { EXIT, type ExitCode } from './exit-codes.js';
export { type LintResult, lintPath } from './lint/lint-folder.js';
export { createAuthority, type LeafCertificate, type PemPair, signLeaf, type TlsUsage } from './pki/authority.js';
export {
  createDevelopmentPki,
  type DevelopmentAuthority,
  type DevelopmentPki,
  type IssuedLeaf,
  issueLeaf,
  type LeafOverrides,
} from './pki/development.js';
export { readAuthority, tlsFilesOf, writeDevelopmentPki, writeLeaf } from './pki/files.js';
export { type LeafIdentity, type LeafKind, parseLeafIdentity, spiffeIdFor } from './pki/identity.js';
export { runCli } from './program.js';
export { commandReference } from './reference.js';
export type { ChannelReleases, DistributorApi, NodeView, Refusal, ReleaseUpload } from './release/api.js';
export { coSignDraft } from './release/co-sign.js';
export {
  type CliContext,
  connectDistributor,
  type DistributorConnection,
  loadContext,
} from './release/connection.js';
export { type Convergence, type NodeProgress, waitForConvergence } from './release/converge.js';
export type { ReleaseDraft } from './release/draft.js';
export { encodeDraft, parseDraft } from './release/draft-file.js';
export { openDistributorApi } from './release/http-api.js';
export { type PublishOptions, publishRelease, type ReleaseOptions } from './release/publish.js';
export type { PublishResult, ReleaseTimings } from './release/result.js';
export { type RollbackOptions, type RollbackTo, rollbackRelease } from './release/rollback.js';
export { type ReleaseStatus, releaseStatus } from './release/status.js';
export { submitDraft } from './release/submit.js';
export { processTerminal, type Terminal } from './terminal.js';
export type { TestReport } from './testing/report-json.js';
export { type TestFolderOptions, testFolder } from './testing/test-folder.js';
export { initTrust, type TrustInitOptions, type TrustInitResult } from './trust/init.js';
export { readSigningKeys } from './trust/keys.js';
export { rotateRootFile } from './trust/rotate.js';
export { describeRoot } from './trust/show.js';
