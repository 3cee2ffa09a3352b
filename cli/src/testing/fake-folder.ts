/** A policy folder in memory: path to text. For tests. */
export function folderOf(files: { readonly [path: string]: string }): ReadonlyMap<string, Uint8Array> {
  const encoder = new TextEncoder();
  return new Map(Object.entries(files).map(([path, text]) => [path, encoder.encode(text)]));
}

/** A `bundle.yaml` with one set `base` of the platform layer, in the folder `base`. For tests. */
export function manifestOf(more = '', combining = 'priority'): string {
  return `format: portcullis.policy/1
name: demo
version: 1.0.0
${more}sets:
  - { name: base, layer: platform, combining: ${combining}, priority_order: desc, policies: base }
`;
}

/** The head of a suite at noon; its tests follow. For tests. */
export function suiteOf(tests: string, more = ''): string {
  return `format: portcullis.tests/1
suite: demo
now: 2026-03-02T12:00:00Z
${more}tests:
${tests}`;
}
