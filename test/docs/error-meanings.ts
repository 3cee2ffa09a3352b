/** What one error code means and what to do about it. Whole sentences. */
export interface ErrorMeaning {
  readonly meaning: string;
  readonly action: string;
}

const DEFECT = 'A defect of ours; please report it with the log line.';
const FIX_POLICY = 'Correct the policy at the place that the problem names.';
const REBUILD = 'Build the bundle again with `portcullis build`; do not edit or re-compress it.';
const FIX_REQUEST = 'Correct the request at the path that the problem names.';
const OTHER_VERSION = 'Look for a peer of another version, or for something between the two that changes messages.';

/**
 * Every code of the product's own. Both ways: a code in the sources that is not here, and one here that no source uses,
 * fails `npm run gen` and `generate.js --check`.
 */
export const ERROR_MEANINGS: Readonly<Record<string, ErrorMeaning>> = {
  ERR_ACCESS_REQUEST_BINDING: {
    meaning: 'The access request does not go with the denial that it brings, or that denial was not given here.',
    action: 'Send subject, action, resource, context and `denial` as they were. Answered with HTTP 400.',
  },
  ERR_ACCESS_REQUEST_DUPLICATE: {
    meaning: 'The `Idempotency-Key` was used by this caller for another access request.',
    action: 'Use a new key for a new request. Answered with HTTP 409.',
  },
  ERR_ACCESS_REQUEST_EXPIRED: {
    meaning: 'The denial can no longer be resolved: its time is over.',
    action: 'Evaluate again and file that denial. Answered with HTTP 410.',
  },
  ERR_ACCESS_REQUEST_TASK_EXPIRED: {
    meaning: 'Nobody answered the access request, or nobody used the answer, in time.',
    action: 'Evaluate again and file that denial. Answered with HTTP 410.',
  },
  ERR_ACCESS_REQUEST_UNKNOWN: {
    meaning: 'There is no such access request among those of this caller.',
    action: 'Check the id. Answered with HTTP 404.',
  },
  ERR_ADMIN_FORBIDDEN: {
    meaning: 'The caller is known and may not do this.',
    action: "Use a certificate of the right kind, such as a publisher's for releases. Answered with HTTP 403.",
  },
  ERR_ADMIN_INVALID: {
    meaning: 'The request to the distributor is not as described; its problems say where.',
    action: 'Correct the request.',
  },
  ERR_ADMIN_JSON: { meaning: 'The body is not strict JSON; the path is the byte.', action: 'Correct the body.' },
  ERR_ADMIN_LISTEN: {
    meaning: 'The admin port cannot be bound.',
    action: 'Choose another `admin.host` and `admin.port`; another process may hold the port.',
  },
  ERR_ADMIN_MEDIA_TYPE: {
    meaning: 'The body is of a type that the route does not take.',
    action: 'Send the content type that the route asks for. Answered with HTTP 415.',
  },
  ERR_ADMIN_NOT_FOUND: { meaning: 'There is no such thing here.', action: 'Check the path. Answered with HTTP 404.' },
  ERR_ADMIN_TOO_LARGE: {
    meaning: 'The body is larger than the route takes.',
    action: 'Send less; a bundle has at most 16 MiB. Answered with HTTP 413.',
  },
  ERR_APPROVAL_CLOSED: {
    meaning: 'The approval or grant is not in a state in which this can be done, or you have answered already.',
    action: 'Look at its state. Answered with HTTP 409.',
  },
  ERR_APPROVAL_FORBIDDEN: {
    meaning: 'You may not answer this: it is your own request, or another role or group is asked.',
    action: 'Ask somebody of the role or group that it names. Answered with HTTP 403.',
  },
  ERR_APPROVAL_KEY: {
    meaning: 'A secret of a webhook, or the key for payloads, cannot be read or is too short.',
    action: 'Correct the file that `approvals` names; a secret has at least 32 bytes, the key 32 bytes in base64.',
  },
  ERR_APPROVAL_NOTICES: {
    meaning: 'The file of notices that wait for webhooks cannot be read or written; the PDP does not start.',
    action:
      'Look at the file `notices` (of approvals) or `notify` (of policies) in `dataDir` and at its permissions; it may be moved away: what waits in it is not told then.',
  },
  ERR_APPROVAL_PREVIEW: {
    meaning:
      'What a grant would have covered cannot be told now: another preview is being made, or nothing is recorded here.',
    action: 'Try again; ask a decision point with `audit.mode` other than `off`. Answered with HTTP 503.',
  },
  ERR_APPROVAL_RECORD: {
    meaning: 'What was said about an approval could not be recorded, so it does not count.',
    action: 'See the runbook [audit-unavailable](../runbooks/audit-unavailable.md). Answered with HTTP 503.',
  },
  ERR_APPROVAL_STORE: {
    meaning: 'The store of approvals did not answer, or not with an approval.',
    action: 'See the runbook [approvals-unavailable](../runbooks/approvals-unavailable.md).',
  },
  ERR_APPROVAL_UNKNOWN: {
    meaning: 'There is no such approval or grant in your tenant, or it was forgotten after `approvals.keepSeconds`.',
    action: 'Check the id; the audit chain has what is over. Answered with HTTP 404.',
  },
  ERR_AUDIT_APPEND: {
    meaning: 'A decision record could not be written, so the decision was denied with `AUDIT_UNAVAILABLE`.',
    action:
      'Make room on the volume of the audit folder, or correct its permissions; see the runbook ' +
      '[audit-unavailable](../runbooks/audit-unavailable.md).',
  },
  ERR_EVIDENCE_EXPORT: {
    meaning: 'A part of the chain was dropped by retention while it was exported. The export is not whole.',
    action: 'Export again.',
  },
  ERR_EVIDENCE_HELD: {
    meaning: 'A legal hold covers the tenant whose records were to be erased.',
    action: "Lift `evidence.retention.hold`, or the tenant's, if you may. Answered with HTTP 409.",
  },
  ERR_EVIDENCE_INVALID: {
    meaning: 'What is to be stored is no record of this chain, or what is asked of the store is out of bounds.',
    action: 'Correct the request at what the message names; a PDP that sends such records is another version.',
  },
  ERR_STORE_MIGRATION: {
    meaning: 'The tables of the store cannot be brought to the version of this distributor.',
    action: 'Look at the cause in the log: the user must own the tables, and no newer distributor may have made them.',
  },
  ERR_STORE_UNAVAILABLE: {
    meaning: 'The store of evidence cannot be opened, or does not answer.',
    action: 'Look at the cause in the log, and at `store` in the configuration. Releases and kills go on meanwhile.',
  },
  ERR_REVIEW_CLOSED: {
    meaning: 'Somebody has closed this review already. Answered with HTTP 409.',
    action: 'Look at it with `portcullis reviews list --all`.',
  },
  ERR_REVIEW_STATE: {
    meaning: 'The file of reviews in `dataDir` is damaged before its end, or cannot be read; the PDP does not start.',
    action:
      'Restore the file `reviews`, or move it away: open reviews are in the audit chain as records of kind `review`.',
  },
  ERR_REVIEW_STORE: {
    meaning:
      'The Redis that keeps reviews does not answer. Reviews of decisions wait on the disk; lists have HTTP 503.',
    action: 'Look at the Redis of `approvals.store`. See the runbook `approvals-unavailable`.',
  },
  ERR_REVIEW_UNKNOWN: {
    meaning: 'The PDP knows no review of that id. Answered with HTTP 404.',
    action: 'Without a shared `approvals.store` each PDP has its own; `portcullis reviews close` asks all of them.',
  },
  ERR_QUOTA_STORE: {
    meaning: 'The store of quotas does not answer, or has lost its accounts, so nobody can say how far they are used.',
    action:
      'Look at the Redis of `quota.store`; what quotas guard is denied meanwhile. See the runbook `quota-unavailable`.',
  },
  ERR_KILL_KEEP: {
    meaning:
      'The kill list is in force, and could not be written or recorded; what it lifts stays stopped until it is.',
    action:
      'Look at the disk of the PDP and its audit chain, and offer the list again: run the same command once more.',
  },
  ERR_KILL_LIST: {
    meaning: 'The bytes are not a kill list, are one of another environment, or say more than one may.',
    action: 'Make it with `portcullis kill`.',
  },
  ERR_KILL_REFUSED: {
    meaning: 'The bytes are not a kill list that enough keys of the role `kills-<env>` signed.',
    action:
      'Sign with a kills key of this environment (`portcullis trust show` lists them); if nobody of yours made it, somebody tries to.',
  },
  ERR_KILL_SEQ: {
    meaning: 'The kill list is older than the newest one, or another one of the same seq came first.',
    action: 'Run the command again; it goes on from the newest list.',
  },
  ERR_KILL_STATE: {
    meaning:
      'The kill lists that the PDP accepted cannot be read from its disk, so it cannot know what it must deny, and does not start.',
    action:
      'Restore the file `kill-lists` in `dataDir`. If it is lost: remove it while the distributor is up and has the newest ' +
      'list (`portcullis kill list`); the PDP takes it from there before it allows anything.',
  },
  ERR_KILL_TRUST: {
    meaning:
      'The PDP has not verified any metadata yet that says who may sign kill lists; it denies everything meanwhile.',
    action: 'Bring the distributor or the channel back; then run the command again.',
  },
  ERR_CLI_KILL: {
    meaning:
      'The kill list could not be changed: the keys are not those that may sign, there is no such kill, or others kept changing it.',
    action: 'Name the folder with the kills key (`--keys`); look at `portcullis kill list`.',
  },
  ERR_AUDIT_CHAIN: {
    meaning:
      'What lies in the audit folder is not the chain that this PDP wrote: changed, cut below its checkpoint, of another ' +
      'key, or written to by somebody else.',
    action:
      'Keep the folder as evidence, run `portcullis audit verify` on it, and follow the runbook ' +
      '[audit-unavailable](../runbooks/audit-unavailable.md).',
  },
  ERR_AUDIT_FULL: {
    meaning: 'The segments together have reached `audit.maxTotalBytes`, so nothing more is recorded.',
    action: 'Move closed segments away (see [the audit guide](../guides/audit.md)), or raise the cap.',
  },
  ERR_AUDIT_KEY: {
    meaning: 'The key of the audit chain, `audit-key.pem` in `dataDir`, is not an Ed25519 private key.',
    action: 'Put the right file back. Without it the chain cannot be continued: move the audit folder away with it.',
  },
  ERR_AUDIT_SHIP: {
    meaning: 'A shipment of evidence had no receipt. The records stay in the chain, and are shipped again.',
    action: 'Look whether the distributor and the sources of `bundles.sources` are reached.',
  },
  ERR_AUDIT_SHIP_ALARM: {
    meaning:
      'The distributor has another chain than this PDP: other records, more of them, a finding, or it lacks records that were ' +
      'removed here. Nothing is shipped or removed until that is settled.',
    action: 'Follow the runbook [evidence-not-shipped](../runbooks/evidence-not-shipped.md).',
  },
  ERR_AUDIT_SHIP_GONE: {
    meaning: 'Records that the distributor does not have are not in the audit folder any more.',
    action: 'Put the segments back that were moved away before they were shipped.',
  },
  ERR_BUNDLE_ARCHIVE: { meaning: 'The bytes are not a plain tar.gz of regular files.', action: REBUILD },
  ERR_BUNDLE_COMPILE: {
    meaning: 'The worker that unpacks and compiles bundles failed, or took too long.',
    action: 'Make the bundle smaller, or raise `bundles.compileTimeoutMs` or `bundles.compileHeapMb`.',
  },
  ERR_BUNDLE_DIGEST: {
    meaning: 'The bytes do not have the digest that they are named or were signed by.',
    action: 'Upload the very file that was signed.',
  },
  ERR_BUNDLE_FILE_UNEXPECTED: {
    meaning: 'A file that no policy set would load, so it only looks as if it were in force.',
    action: 'Move it into the folder of a set, or out of the source; papers may be `*.md` or `LICENSE`.',
  },
  ERR_BUNDLE_LAYOUT: {
    meaning: "The bundle's own file is missing, or files are not where the layout has them.",
    action: 'Compare with [the layout](policy-language.md#bundleyaml).',
  },
  ERR_BUNDLE_MISSING: {
    meaning: 'A release names a bundle that was not uploaded.',
    action: 'Upload it first; `portcullis release publish` does.',
  },
  ERR_BUNDLE_NAME: {
    meaning: 'A file or folder name that is unsafe, or ambiguous on some file system.',
    action: 'Use letters, digits and `._-`, no `..`, and no names that differ only by case.',
  },
  ERR_BUNDLE_PROOF: {
    meaning: "The release on the PDP's disk is not proven by the metadata beside it; it is not served.",
    action:
      'Nothing, if a source can be reached: the PDP fetches it anew. See [bundle-refused](../runbooks/bundle-refused.md).',
  },
  ERR_BUNDLE_REFUSED: {
    meaning: 'The PDP looked at a release and did not take it; the one in force stays. `reason` says why.',
    action: 'See [bundle-refused](../runbooks/bundle-refused.md).',
  },
  ERR_BUNDLE_ROOT: {
    meaning: 'The pinned root cannot be read, or is not one.',
    action: 'Put the `root.json` of `portcullis trust init` at `bundles.rootFile`.',
  },
  ERR_BUNDLE_SOURCE: {
    meaning: 'A source of bundles could not be read.',
    action: 'Check `bundles.sources`, the distributor or NATS, and the certificates.',
  },
  ERR_BUNDLE_STATE: {
    meaning: "The PDP's trusted state on disk is damaged, or belongs to another environment or channel.",
    action: 'Give every PDP a `dataDir` of its own. If it is damaged, restore it or start with an empty folder.',
  },
  ERR_BUNDLE_TARGET: {
    meaning: 'The metadata describes a bundle in a way that no PDP would take.',
    action: 'Publish with `portcullis release publish`, which writes path, digests and size as they must be.',
  },
  ERR_BUNDLE_TOO_LARGE: {
    meaning: 'Over a cap: 16 MiB packed, 64 MiB unpacked, 10,000 files.',
    action: 'Split the policies over several bundles and channels.',
  },
  ERR_BUNDLE_VERSION: {
    meaning: 'The metadata and the bundle name different policy versions.',
    action: 'Publish with `portcullis release publish`, which reads the version from the bundle.',
  },
  ERR_BUNDLE_WAITING: {
    meaning: 'Too many uploaded bundles wait for a release.',
    action: 'Release or give up some, or raise `limits.maxWaitingBundles`.',
  },
  ERR_CHANNEL_ABORTED: {
    meaning: 'A call to the channel was ended by its own signal: a deadline or a shutdown.',
    action: 'None by itself. If it repeats, the source is slow: look at it, or raise `bundles.syncTimeoutMs`.',
  },
  ERR_CHANNEL_ABSENT: { meaning: 'No source has the object.', action: 'Publish a release; check `env` and `channel`.' },
  ERR_CHANNEL_ANSWER: {
    meaning: "The distributor's answer to a long poll is not one.",
    action: 'Check that `bundles.sources[].url` is a distributor, of this version.',
  },
  ERR_CHANNEL_CLOSED: { meaning: 'The channel was closed, because the process is ending.', action: 'None.' },
  ERR_CHANNEL_KEY: { meaning: 'Not a key that the channel can hold.', action: DEFECT },
  ERR_CHANNEL_OBJECT: {
    meaning: 'An object in NATS is damaged or incomplete.',
    action: "None: the distributor compares and repairs, and PDPs poll. If it repeats, look at JetStream's storage.",
  },
  ERR_CHANNEL_OVERSIZE: {
    meaning: 'An object is larger than its kind may be; it was not read.',
    action: 'See [bundle-refused](../runbooks/bundle-refused.md).',
  },
  ERR_CHANNEL_PACKING: {
    meaning: 'A shipment is not compressed as it should be, or holds more than it may.',
    action: OTHER_VERSION,
  },
  ERR_CHANNEL_PREFIX: {
    meaning: 'The bucket prefix has characters that NATS does not take.',
    action: 'Use letters, digits, `_` and `-` in `bucketPrefix`.',
  },
  ERR_CHANNEL_SUBJECT: { meaning: 'Not a subject that the channel can carry.', action: DEFECT },
  ERR_CHANNEL_UNAVAILABLE: {
    meaning: 'The distributor or NATS cannot be reached, or did not answer in time.',
    action: 'None at first: PDPs keep serving and try on. Check network, addresses and certificates.',
  },
  ERR_CHILD_ENDED: {
    meaning: 'The MCP server behind the stdio wrapper has ended.',
    action: 'Look at what the server wrote to standard error.',
  },
  ERR_CHILD_START: {
    meaning: 'The command after `--` cannot be started.',
    action: 'Check the command and the PATH of the sidecar.',
  },
  ERR_CLI_ANSWER: {
    meaning: "The distributor's answer is not understood.",
    action: 'Use the same version of the tool and the distributor.',
  },
  ERR_CLI_DRAFT: { meaning: 'Metadata that a draft builds on cannot be read.', action: 'Make the draft anew.' },
  ERR_CLI_EXISTS: {
    meaning: 'A file exists already, and nothing was written.',
    action: 'Choose another folder, or pass `--force`.',
  },
  ERR_CLI_FAILED: { meaning: 'A command failed for a reason without a code of its own.', action: 'Read the message.' },
  ERR_CLI_KEYS: {
    meaning: 'A folder given with `--keys` cannot be read, holds no key, or holds a file that is not one.',
    action: 'Give the folder of a key holder, with PKCS8 Ed25519 `*.pem` files.',
  },
  ERR_CLI_REFUSED: {
    meaning: 'The distributor refused; the message has its reason and code.',
    action: 'Look up the code that the message ends with.',
  },
  ERR_CLI_ROLLBACK: {
    meaning: 'There is no such earlier release to go back to.',
    action: 'Choose one of those that the message lists.',
  },
  ERR_CLI_ROOT: {
    meaning: 'The pinned root cannot be read.',
    action: 'Give the `root.json` of `portcullis trust init` with `--root`.',
  },
  ERR_CLI_SIGN: {
    meaning: 'The release could not be signed with the keys that were given.',
    action: 'Give the keys that the root and the targets role name: see `portcullis trust show`.',
  },
  ERR_CLI_SOURCE: {
    meaning: 'A file or folder of the command line cannot be read, or holds what it must not (a symbolic link).',
    action: 'Correct the path or the folder.',
  },
  ERR_CLI_TRUST: {
    meaning: 'What the distributor serves cannot be trusted from the pinned root: unsigned, mixed, missing or expired.',
    action: 'Check that `--root` is of this installation. If it is, stop publishing and look at the distributor.',
  },
  ERR_CLI_UNREACHABLE: {
    meaning: 'The distributor cannot be reached.',
    action: 'Check the address, the network and the certificates.',
  },
  ERR_CLI_USAGE: { meaning: 'The command line or the connection settings are wrong.', action: 'Add `--help`.' },
  ERR_CLI_WRITE: {
    meaning: 'A file that the command makes cannot be written; what was there is unchanged.',
    action: 'Make the folder, or give one that you may write to.',
  },
  ERR_CONFIG_FILE: {
    meaning: 'The configuration file cannot be read, or is neither YAML nor JSON.',
    action: 'Correct the file at the line that is named.',
  },
  ERR_CONFIG_FLAG: { meaning: 'A flag is wrong.', action: 'Add `--help`.' },
  ERR_CONFIG_INVALID: {
    meaning: 'A setting is missing, unknown or out of its range.',
    action: "See the reference of the service's configuration.",
  },
  ERR_CONFIG_SCHEMA: { meaning: 'A configuration schema of ours tolerates unknown keys.', action: DEFECT },
  ERR_CONTEXT_ANSWER: {
    meaning: 'A source of context answered something else than its schema, or a field that it does not provide.',
    action:
      'Correct the service, or `provides` of its entry in `context.http`; see [the guide](../guides/context.md#services).',
  },
  ERR_CONTEXT_FILE: {
    meaning: 'A token or the authorities for a source of context cannot be read.',
    action: 'Check `tokenFile` and `caFile` of the entry in `context.http`.',
  },
  ERR_CONTEXT_INVALID: {
    meaning: "What should be kept of an agent is no standing, or is of no agent's name.",
    action: 'Give `type`, `trust_level` from 0 to 1, and `attributes`, together at most 16 KiB.',
  },
  ERR_CONTEXT_SOURCE: {
    meaning: 'A source of context was not reached, took too long, or is left alone because it failed.',
    action: 'Look at the service; its fields are unavailable to policies meanwhile.',
  },
  ERR_CONTEXT_STANDING: {
    meaning: 'What Redis holds of an agent is not the JSON of a standing.',
    action: 'Write it anew; see [the guide](../guides/context.md#trust-while-everything-runs).',
  },
  ERR_CONTEXT_STORE: {
    meaning: 'The store of agents is not reached, has no room, or lost its epoch.',
    action:
      'Look at Redis; after a loss write the standings, then the epoch ([guide](../guides/context.md#trust-while-everything-runs)).',
  },
  ERR_CONTEXT_TIMEOUT: {
    meaning: 'A source of context may take as long as a decision, so its lateness would be the decision’s.',
    action: 'Set its `timeoutMs` below `limits.decisionDeadlineMs`.',
  },
  ERR_CREDENTIAL_MISSING: {
    meaning: 'The value of a header or key for something upstream, or a file of keys, is missing or unusable.',
    action: 'Put it into the file or variable that the configuration names at the field that the message names.',
  },
  ERR_EVIDENCE_EMPTY: { meaning: 'There are no records to store.', action: DEFECT },
  ERR_EVIDENCE_FORK: {
    meaning: 'A PDP shipped another record than the one that is stored under its number.',
    action: 'Follow the runbook [evidence-not-shipped](../runbooks/evidence-not-shipped.md).',
  },
  ERR_EVIDENCE_FULL: {
    meaning: 'The store of evidence has no room for one more writer.',
    action: 'Raise its bounds; PDPs keep their records and ship them again.',
  },
  ERR_EVIDENCE_GAP: {
    meaning: 'Records do not follow what is stored; their PDP is told how far it is, and ships what is missing.',
    action:
      'None, unless the PDP lacks them: see the runbook [evidence-not-shipped](../runbooks/evidence-not-shipped.md).',
  },
  ERR_EVIDENCE_LIMIT: {
    meaning: 'More records were asked for at once than may be.',
    action: 'Ask for 10,000 or fewer, and for the next ones after that.',
  },
  ERR_EVIDENCE_REFUSED: {
    meaning:
      'A shipment of evidence is not believed: it was changed on the way, or nobody can say that it comes from the PDP that its ' +
      'chain is named after. Nothing was stored.',
    action:
      'Over NATS the certificate of a PDP must be issued directly by an authority in `tls.caFile` of the distributor. Otherwise ' +
      'look for who else sends to the stream.',
  },
  ERR_EVIDENCE_STORE: {
    meaning: 'The store of evidence failed; the shipment comes again.',
    action: 'Look at the cause in the log, and at the health of the store.',
  },
  ERR_HTTP_HEAD_TOO_LARGE: {
    meaning: 'The head of a request is larger than `http.limits.maxHeaderBytes`.',
    action: 'Send a shorter token or fewer headers. Answered with HTTP 431.',
  },
  ERR_EGRESS_CA: {
    meaning:
      'The authority for TLS interception, or the list of those that upstream servers are verified with, cannot be used.',
    action:
      'Correct the files under `egress.intercept`: certificate and key must be a pair, of an authority, with an ECDSA P-256 key; ' +
      'the folder of `publishCaFile` must be writable.',
  },
  ERR_GATEWAY_UNCLEAR: {
    meaning: 'What a gateway sent is missing something, contradicts itself, or could be read in two ways.',
    action:
      'The path of the problem names the place; docs/guides/envoy.md says what is expected. Denied as REQUEST_INVALID.',
  },
  ERR_HTTP_INVALID: {
    meaning: 'The request over HTTP is not as described; its problems say where.',
    action: FIX_REQUEST,
  },
  ERR_HTTP_KEYS: {
    meaning: 'The keys of the token issuer cannot be read or fetched.',
    action:
      'Check `jwksFile` of `http.auth.jwt` or `users.issuers`, or whether the PDP reaches `jwksUrl`. Answered with HTTP 503 for a ' +
      'caller; a user whose keys are missing is refused.',
  },
  ERR_HTTP_MEDIA_TYPE: {
    meaning: 'The body is not plain JSON in UTF-8, by its own account.',
    action: 'Send `Content-Type: application/json`. Answered with HTTP 415.',
  },
  ERR_HTTP_METHOD: {
    meaning: 'The path exists and is used with another method.',
    action: 'Use the method in the header `Allow`. Answered with HTTP 405.',
  },
  ERR_HTTP_NOT_FOUND: {
    meaning: 'There is no such path.',
    action: 'Compare with [the guide](../guides/http-api.md). Answered with HTTP 404.',
  },
  ERR_HTTP_TIMEOUT: {
    meaning: 'A request did not arrive whole within `http.limits.requestTimeoutMs`.',
    action: 'Send it again, in one piece. Answered with HTTP 408.',
  },
  ERR_HTTP_TOKEN_KEY: {
    meaning: 'The key of page tokens and access requests cannot be read, or is not 32 bytes.',
    action: 'Correct the file that `http.tokenKeyFile` names: 32 random bytes in base64.',
  },
  ERR_HTTP_TOO_LARGE: {
    meaning: 'The body is larger than `http.limits.maxBodyBytes`.',
    action: 'Send less, or raise the limit. Answered with HTTP 413.',
  },
  ERR_IDENTITY_REJECTED: {
    meaning:
      'A certificate or token is missing, not valid now, of another trust domain or issuer, or of the wrong kind of peer.',
    action: 'Issue one with the identity that the role needs; check both clocks.',
  },
  ERR_INTERNAL: { meaning: 'Something failed that must not.', action: DEFECT },
  ERR_LISTEN: {
    meaning: 'The port or socket for agents cannot be bound.',
    action: 'Choose another `listen` of the surface; another process may hold it.',
  },
  ERR_MODULE_FILE: {
    meaning: 'A file of a module in Cedar or Rego is missing, or is not what it should be.',
    action: 'Correct the file; [the guide](../guides/other-engines.md) says what each is.',
  },
  ERR_MODULE_POLICY: { meaning: "A policy that Cedar's parser or the module's schema refuses.", action: FIX_POLICY },
  ERR_MODULE_PROGRAM: {
    meaning:
      'A WebAssembly program that cannot be loaded, or that asks for more than a pure function of the request may have.',
    action: 'Build it as [the guide](../guides/other-engines.md#rego) says, without the functions that are refused.',
  },
  ERR_MODULE_TOO_LARGE: {
    meaning: 'A module over one of its [limits](../guides/other-engines.md#limits).',
    action: 'Split the module over several sets, or write the rules in the policy language.',
  },
  ERR_NODE_STATUS: { meaning: 'A status report is not one; it is ignored.', action: OTHER_VERSION },
  ERR_PACK_EXISTS: {
    meaning: 'A pack would be copied over another version of it, or over one that was edited.',
    action: 'Use `portcullis pack upgrade`, which shows what changes, or pass `--force`.',
  },
  ERR_PACK_LOCK: {
    meaning: '`packs.lock` cannot be read, so nobody knows which packs were edited.',
    action: 'Restore it, or delete it and add the packs again with `--force`.',
  },
  ERR_PACK_PARAMETER: {
    meaning:
      'A value of a parameter is not what the pack asks for, is missing, or is of a parameter that it does not have.',
    action: 'Correct the value at the place that the problem names; `portcullis pack show NAME` lists the parameters.',
  },
  ERR_PACK_REQUIRES: {
    meaning: 'A pack needs another one that the bundle does not use, or not in that version; or packs need each other.',
    action: 'Add or upgrade the pack that the problem names.',
  },
  ERR_PACK_SHAPE: {
    meaning:
      'A `pack.yaml` is not one: a schema that is none, a name that stands twice, a parameter that no policy uses.',
    action: 'Correct the pack at the place that the problem names.',
  },
  ERR_PACK_TEMPLATE: {
    meaning: 'A policy of a pack refers to something that is not there, or that cannot stand where it does.',
    action: 'Correct the policy at the place that the problem names.',
  },
  ERR_PDP_DATA_DIR: {
    meaning: 'Another PDP works on the same data directory, or it cannot be locked; this one does not start.',
    action: 'Stop the other one, or give each a `dataDir` of its own.',
  },
  ERR_PDP_LISTEN: {
    meaning: 'The gRPC or the HTTPS port cannot be bound.',
    action: 'Choose another `listen` or `http.listen`; another process may hold it.',
  },
  ERR_PKI_CA_INVALID: {
    meaning: 'The certificate of the development CA is not one, or names no trust domain.',
    action: 'Make a new one with `portcullis pki init`.',
  },
  ERR_PKI_CA_MISMATCH: {
    meaning: 'Key and certificate of the development CA do not belong together.',
    action: 'Restore the pair, or make a new one with `portcullis pki init`.',
  },
  ERR_PKI_CA_MISSING: { meaning: 'There is no development CA in the folder.', action: 'Run `portcullis pki init`.' },
  ERR_POLICY_EFFECT_UNKNOWN: { meaning: 'An effect that the language does not have.', action: FIX_POLICY },
  ERR_POLICY_FIELD_UNKNOWN: {
    meaning: 'A path that the canonical request does not have; the nearest one is suggested.',
    action: 'Use one of [the fields](policy-language.md#fields).',
  },
  ERR_POLICY_KEY_UNKNOWN: { meaning: 'A key that the language does not have.', action: FIX_POLICY },
  ERR_POLICY_OPERATOR_MISUSED: {
    meaning: 'An operator that fields of this type do not take.',
    action: 'Use one of [the operators](policy-language.md#operators) that the problem lists.',
  },
  ERR_POLICY_OPERATOR_UNKNOWN: { meaning: 'An operator that the language does not have.', action: FIX_POLICY },
  ERR_POLICY_REGEX_INVALID: {
    meaning: 'Not a regular expression of the RE2 syntax, or one that is too large.',
    action: 'Write it without look-around and back-references, and smaller.',
  },
  ERR_POLICY_SCOPE_CONTRADICTS: {
    meaning: "The policy's scope contradicts its set's, so it could never apply.",
    action: 'Move it into another set, or drop one of the scopes.',
  },
  ERR_POLICY_SHAPE: { meaning: 'A value is missing, or of the wrong shape or range.', action: FIX_POLICY },
  ERR_POLICY_SLUG_DUPLICATE: {
    meaning: 'Two policies of one set would have the same name in a decision.',
    action: 'Give one of them another `slug`.',
  },
  ERR_POLICY_SYNTAX: { meaning: 'Not the YAML or JSON that a policy may be written in.', action: FIX_POLICY },
  ERR_POLICY_TYPE_UNKNOWN: {
    meaning: 'A typed policy of a type that there is not; the nearest one is suggested.',
    action: 'Use one of [the types](policy-types.md).',
  },
  ERR_POLICY_VALUE_INVALID: { meaning: 'A value that can never compare with the field.', action: FIX_POLICY },
  ERR_RELEASE_ABORT: {
    meaning: 'A release that is signed with the abort key does more than clear the candidate.',
    action: 'Sign other releases with a key of the releases role.',
  },
  ERR_RELEASE_BUNDLE: {
    meaning: 'The pointer names a bundle that the signed targets do not, or describe otherwise.',
    action: 'Publish with `portcullis release publish`.',
  },
  ERR_RELEASE_CHANNEL: {
    meaning: "The release is for another environment or channel than this PDP's.",
    action: 'Check `env` and `channel` of the PDP and of its `dataDir`.',
  },
  ERR_RELEASE_CLOCK: { meaning: 'The release is from the future.', action: "Correct the publisher's clock." },
  ERR_RELEASE_CONFLICT: {
    meaning: 'Another release came first.',
    action: 'Publish again; the tool reads the new state. A signed draft has to be made anew.',
  },
  ERR_RELEASE_DIGEST: {
    meaning: 'The pointer that came along is not the one that was signed.',
    action: 'Publish with `portcullis release publish`.',
  },
  ERR_RELEASE_DRAFT: {
    meaning: 'The draft cannot be read, or is not one step from what is released now.',
    action: 'Make the draft anew with `portcullis release publish`.',
  },
  ERR_RELEASE_EXPIRED: {
    meaning: 'The release, or metadata that it needs, has expired.',
    action: 'Sign anew; for the root see `portcullis trust rotate-root`.',
  },
  ERR_RELEASE_MISSING: { meaning: 'The channel has no release.', action: 'Publish one.' },
  ERR_RELEASE_POINTER: {
    meaning: 'The release pointer is not one.',
    action: 'Publish with `portcullis release publish`.',
  },
  ERR_RELEASE_REFUSED: {
    meaning: 'The distributor refuses a release; the problems say why.',
    action: 'Look up the codes of the problems.',
  },
  ERR_RELEASE_ROLE: {
    meaning: 'An upload names a role that it may not change, or that has no metadata.',
    action: 'Publish with `portcullis release publish`.',
  },
  ERR_RELEASE_ROLLBACK: {
    meaning: 'A rollback names a release or a bundle that was never there.',
    action: 'Choose one from the history: `portcullis release status`.',
  },
  ERR_RELEASE_SEQ: {
    meaning: 'The sequence number does not rise, or is used twice.',
    action: 'Publish again. At a PDP this is a replay of an older release: the newer one stays in force.',
  },
  ERR_RELEASE_TARGET: {
    meaning: 'An upload changes more than the pointer of its channel, or not even that.',
    action: 'Publish with `portcullis release publish`.',
  },
  ERR_RELEASE_UNSUPPORTED: {
    meaning:
      'The release asks PDPs to try a candidate, or to wait for others before they activate: none does that yet.',
    action: 'Release one bundle to all PDPs of a channel; use channels to go step by step.',
  },
  ERR_RELEASE_VERSION: {
    meaning: 'The metadata is not the next version.',
    action: 'Publish again: another release came first.',
  },
  ERR_REPOSITORY_CORRUPT: {
    meaning: 'The repository on disk is incomplete or damaged; the distributor does not serve from it.',
    action: 'Restore `dataDir` from a backup. PDPs keep serving meanwhile.',
  },
  ERR_REPOSITORY_LOCKED: {
    meaning: 'Another distributor works on the same `dataDir`; two would sign over each other.',
    action:
      'Stop the other one, or give this one a `dataDir` of its own. The lock ends with the process that holds it.',
  },
  ERR_REPOSITORY_WRITE: {
    meaning: 'The repository could not be written.',
    action: 'Make room on the disk of `dataDir`, or correct its permissions; then publish again.',
  },
  ERR_REQUEST_INVALID: { meaning: 'A call has more parts than one call may have.', action: 'Split it.' },
  ERR_REQUEST_JSON: { meaning: 'The request is not strict JSON.', action: FIX_REQUEST },
  ERR_REQUEST_MISSING_FIELD: { meaning: 'A field that must be there is missing.', action: FIX_REQUEST },
  ERR_REQUEST_TYPE: { meaning: 'A field has a value of another type.', action: FIX_REQUEST },
  ERR_REQUEST_UNKNOWN_FIELD: {
    meaning: 'A field that the canonical request does not have; the nearest one is suggested.',
    action: FIX_REQUEST,
  },
  ERR_REQUEST_VALUE: { meaning: 'A value out of its range or list.', action: FIX_REQUEST },
  ERR_SEARCH_BUSY: {
    meaning: 'As many AuthZEN searches as `http.search.maxAtOnce` allows are under way.',
    action: 'Ask again in a moment. Answered with HTTP 503.',
  },
  ERR_SEARCH_FORBIDDEN: {
    meaning: 'The search is about a tenant or an agent that the caller does not speak for.',
    action: 'Ask about your own tenant and agent, or have `gateways` name the tenant. Answered with HTTP 403.',
  },
  ERR_SEARCH_RELEASE: {
    meaning: 'There is no release in force under which a search could be answered.',
    action: 'See the runbook [pdp-not-ready](../runbooks/pdp-not-ready.md). Answered with HTTP 503.',
  },
  ERR_SESSION_KEY: {
    meaning: 'The file that `sessions.store.keyFile` names cannot be read, or has fewer than 32 bytes.',
    action: 'Give every PDP the same file of 32 random bytes or more.',
  },
  ERR_SESSION_UNAVAILABLE: {
    meaning: 'A reported result could not be written into its session, so the sidecar does not deliver it.',
    action: 'See the runbook [session-unavailable](../runbooks/session-unavailable.md).',
  },
  ERR_RISK_ANALYSER: {
    meaning: 'An external analyser of risk did not answer as it must, within its deadline.',
    action: 'Look at the analyser; if decisions should not depend on it, set `required: false` for it.',
  },
  ERR_RISK_BASELINE: {
    meaning: 'A baseline in Redis is not what a PDP wrote.',
    action:
      'Somebody else writes to these keys; give `risk.baselines.store.prefix` a value of its own, or delete the keys.',
  },
  ERR_RISK_UNAVAILABLE: {
    meaning:
      'The risk of an attempt cannot be known: a field that it is judged by is unavailable, or what is required for it did not answer. Policies that read it are in error.',
    action: 'Look for the context source, the store of baselines or the external analyser that the message names.',
  },
  ERR_TASK_ENDED: { meaning: 'A long-running part ended early, so the process ends.', action: DEFECT },
  ERR_TASK_FAILED: {
    meaning: 'A long-running part failed, so the process ends.',
    action: 'Read the cause in the log; whatever supervises the process starts it again.',
  },
  ERR_TESTS_EXPECTATION: {
    meaning: 'Expectations contradict each other, or speak of nothing.',
    action: 'Give each combination of a matrix one expectation; leave out rows and reasons that nothing can meet.',
  },
  ERR_TESTS_KEY_UNKNOWN: {
    meaning: 'A test suite has a key that the format does not have.',
    action: 'Take the name that the message suggests; the format is in the guide on testing policies.',
  },
  ERR_TESTS_NAME_DUPLICATE: {
    meaning: 'Two suites, two tests of a suite, or two shared fixtures have one name.',
    action: 'Rename one of them.',
  },
  ERR_TESTS_NAME_UNKNOWN: {
    meaning: 'A test names a fixture or a policy that there is not.',
    action: 'Take the name that the message suggests, or add the fixture.',
  },
  ERR_TESTS_REQUEST: {
    meaning: 'The parts of a request do not make a canonical request.',
    action: 'Correct the part at the place that is named; a PDP would refuse such a request.',
  },
  ERR_TESTS_SHAPE: {
    meaning: 'A value of a test suite is missing, or of the wrong shape or range.',
    action: 'Write what the message expects; `portcullis test --schema` lets an editor tell you while you type.',
  },
  ERR_TLS_HANDSHAKE: {
    meaning: 'A TLS handshake was cut off or took too long.',
    action: 'Check that the other end speaks TLS 1.3 on that port.',
  },
  ERR_TLS_MATERIAL: {
    meaning: 'Certificate, key or authorities cannot be used; at a reload the old ones stay.',
    action: 'Correct the files under `tls`: the key must fit the certificate, and `caFile` must not be empty.',
  },
  ERR_TLS_REQUIRED: { meaning: 'An address without TLS where only TLS is allowed.', action: 'Use `https:`.' },
  ERR_TOOL_ACCEPTED: {
    meaning: 'The file of accepted tool definitions (`definitions.acceptedFile`) is not one, or cannot be read.',
    action:
      'Write it with `portcullis tools accept`, or correct it: `{"version":1,"accepted":[{server,name,digest}]}`.',
  },
  ERR_TOOL_STATE: {
    meaning:
      'The file of tool definitions that were seen (`definitions.stateFile`) is damaged, or cannot be read or written. A ' +
      'sidecar that cannot read it does not start; one that cannot write it shows and calls no tool that is new.',
    action:
      'Let the sidecar write to its folder. Moving a damaged file away trusts every tool as it is next seen: look at the ' +
      'servers first.',
  },
  ERR_TOOL_UNSEEN: {
    meaning: 'No definition with this digest was seen of this tool.',
    action: 'Look again with `portcullis tools list`: the server may have changed it once more.',
  },
  ERR_TOOL_DECLARATIONS: {
    meaning: 'The file that `sessions.toolsFile` names cannot be read, is larger than 4 MiB, or is not as described.',
    action: 'Correct the file at the place that the message names.',
  },
  ERR_TRUST_CLOCK: {
    meaning: 'The clock is behind the last timestamp, so none is signed.',
    action: 'Correct the clock of the distributor; signing resumes by itself.',
  },
  ERR_TRUST_ENV: { meaning: 'Not the name of an environment, or one given twice.', action: 'Correct `--env`.' },
  ERR_TRUST_INIT: {
    meaning: 'Trust could not be created, or what `trustDir` holds is not usable.',
    action: 'Run `portcullis trust init` into an empty folder and give it as `trustDir`.',
  },
  ERR_TRUST_KEY: {
    meaning: 'Not an Ed25519 private key, or none that the root admits for the role.',
    action: 'Put the keys of `portcullis trust init` into place; compare with `portcullis trust show`.',
  },
  ERR_TRUST_METADATA: {
    meaning: 'Not TUF metadata of the role, or larger than it may be.',
    action: 'See [bundle-refused](../runbooks/bundle-refused.md).',
  },
  ERR_TRUST_ROTATE: {
    meaning: 'The next root was not signed.',
    action: 'Give the keys of enough root holders, of the old root and of the new one.',
  },
  ERR_TRUST_SIGNATURE: {
    meaning: 'Fewer valid signatures than the role needs.',
    action: 'Collect the missing ones with `portcullis release sign`.',
  },
  ERR_TRUST_SNAPSHOT: {
    meaning: 'A snapshot would be incomplete, or go back to older metadata.',
    action: 'Restore the repository; the distributor never signs a step back.',
  },
  ERR_TRUST_VERSION: {
    meaning: 'Not the next version of the root: roots are taken one by one.',
    action: 'Hand in the versions between, in order.',
  },
  ERR_WIRE_CONTRADICTION: { meaning: 'A message contradicts itself; it is refused.', action: OTHER_VERSION },
  ERR_WIRE_DIGEST: {
    meaning: 'A digest is missing or does not fit: a part of the message was lost or changed.',
    action: OTHER_VERSION,
  },
  ERR_WIRE_ENUM: { meaning: 'An enum has a value that this version does not know.', action: OTHER_VERSION },
  ERR_WIRE_JSON: { meaning: 'Embedded JSON is not strict JSON of the right shape.', action: OTHER_VERSION },
  ERR_WIRE_MISSING: { meaning: 'A part that must be there is missing or unspecified.', action: OTHER_VERSION },
  ERR_WIRE_NUMBER: { meaning: 'A number is not finite or not a number.', action: OTHER_VERSION },
  ERR_WIRE_TYPE: { meaning: 'A part has another type.', action: OTHER_VERSION },
};

/** Codes of Node.js that our sources compare with. */
export const FOREIGN_CODES: ReadonlySet<string> = new Set([
  'ERR_BUFFER_TOO_LARGE',
  'ERR_HTTP_REQUEST_TIMEOUT',
  'ERR_JOSE_GENERIC',
]);
