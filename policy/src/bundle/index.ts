/** The door for those who carry bundles and need not evaluate them. */
export { type BuiltBundle, buildBundle } from './build.js';
export { sha256Hex } from './digest.js';
export { BUNDLE_LIMITS, type BundleLimits } from './limits.js';
export { unpackBundle } from './unpack.js';
