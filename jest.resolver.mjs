/** Sources name each other as they are called once they are built: `./x.js` may be `./x.ts`. */
const AS_BUILT = { extensionAlias: { '.js': ['.js', '.ts'] } };

/**
 * Finds what a module names. A resolver and no `moduleNameMapper`: a worker remembers what a resolver found for all the files
 * that it runs, and maps every name of every file anew.
 * @type {import('jest-resolve').SyncResolver}
 */
export function sync(name, options) {
  return options.defaultResolver(name, name.startsWith('.') ? { ...options, ...AS_BUILT } : options);
}
