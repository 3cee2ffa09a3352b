import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { repositoryRoot } from '../support/root.js';

const root = repositoryRoot();
const PAPERS = [...globSync('*.md', { cwd: root }), ...globSync('docs/**/*.md', { cwd: root })].toSorted();

/** Prose only: what stands in code is no link. */
function prose(text: string): string {
  return text.replaceAll(/^```.*?^```$/gms, '').replaceAll(/`[^`\n]*`/g, '');
}

/** The anchors of a page, as GitHub makes them of headings. */
function anchorsOf(file: string): ReadonlySet<string> {
  const headings = readFileSync(file, 'utf8')
    .replaceAll(/^```.*?^```$/gms, '')
    .matchAll(/^#{1,6} (.+)$/gm);
  return new Set(
    [...headings].map(([, heading = '']) =>
      heading
        .trim()
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\p{M}\p{Pc} -]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

/** Why a link leads nowhere; nothing when it does not. */
function fault(paper: string, target: string): string | undefined {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? join(root, paper) : join(root, dirname(paper), path);
  if (!existsSync(file)) return `${target}: no such file`;
  if (anchor === undefined) return undefined;
  return statSync(file).isFile() && anchorsOf(file).has(anchor) ? undefined : `${target}: no such heading`;
}

describe('links of', () => {
  test('papers are looked at', () => {
    expect(PAPERS.length).toBeGreaterThan(20);
  });

  test.each(PAPERS)('%s lead somewhere', (paper) => {
    const links = [...prose(readFileSync(join(root, paper), 'utf8')).matchAll(/\]\(([^()\s]+)\)/g)];
    const faults = links
      .map(([, target = '']) => target)
      .filter((target) => !/^[a-z]+:/.test(target))
      .map((target) => fault(paper, target))
      .filter((found) => found !== undefined);
    expect(faults).toEqual([]);
  });
});
