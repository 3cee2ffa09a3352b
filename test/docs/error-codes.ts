import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Packages whose sources are scanned. */
const PACKAGES = ['policy', 'proto', 'runtime', 'pdp', 'sidecar', 'distributor', 'cli'] as const;
/** Tests, and the fakes and fixtures beside them, make up codes of their own. */
const TEST_SOURCE = /\.test\.ts$|[\\/](?:testing|fixtures|gen)[\\/]|[\\/](?:fake-|test-authority)/;
const LITERAL = /'(ERR_[A-Z0-9_]+)'/g;
const MENTION = /(?<![A-Z0-9_])ERR_[A-Z0-9_]+/g;

/** What the sources say of error codes. */
export interface ErrorCodeUses {
  /** Every code that stands as a literal, with the packages it stands in. */
  readonly used: ReadonlyMap<string, readonly string[]>;
  /** Every code that stands anywhere, comments included, with the first file that says so. */
  readonly mentioned: ReadonlyMap<string, string>;
}

/** Scans the sources of all packages. */
export function scanErrorCodes(root: string): ErrorCodeUses {
  const used = new Map<string, string[]>();
  const mentioned = new Map<string, string>();
  for (const name of PACKAGES) {
    const folder = join(root, name, 'src');
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted();
    for (const file of files) {
      if (!file.endsWith('.ts') || TEST_SOURCE.test(`/${file}`)) continue;
      const text = readFileSync(join(folder, file), 'utf8');
      for (const [, found = ''] of text.matchAll(LITERAL)) {
        const packages = used.get(found) ?? [];
        if (!packages.includes(name)) used.set(found, [...packages, name]);
      }
      for (const [found] of text.matchAll(MENTION)) {
        if (!mentioned.has(found)) mentioned.set(found, `${name}/src/${file.replaceAll('\\', '/')}`);
      }
    }
  }
  return { used, mentioned };
}
