/** TUF trust: metadata, signing, verification, release pointers. Pure; time is an argument. */
export {
  type CreateTrustOptions,
  createTrust,
  DEFAULT_EXPIRIES,
  type Expiries,
  type HeldKey,
  KEY_ROLES,
  type KeyRole,
  PROFILE_QUORUMS,
  TRUST_PROFILES,
  type Trust,
  type TrustProfile,
} from './create-trust.js';
export * from './kill-list.js';
export * from './metadata.js';
export * from './node-status.js';
export * from './paths.js';
export * from './release-pointer.js';
export * from './rotate-kills.js';
export * from './select-release.js';
export * from './sign-offline.js';
export * from './sign-online.js';
export * from './signing-key.js';
export * from './verify.js';
