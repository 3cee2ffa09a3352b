/** The longest file name, in UTF-8 bytes: what a plain tar header can carry. */
export const MAX_NAME_BYTES = 255;

const CONTROL = /\p{Cc}/u;

/**
 * What makes a file name unfit for a bundle, or nothing. Fit: a relative path of plain segments joined by `/`, in
 * Unicode NFC, that means the same file on every system.
 */
export function fileNameFault(name: string, maxDepth: number): string | undefined {
  if (name === '') return 'the name is empty';
  if (!name.isWellFormed() || name.normalize('NFC') !== name) return 'the name is not in Unicode NFC';
  if (CONTROL.test(name)) return 'the name has a control character';
  if (name.includes('\\')) return 'the name has a backslash';
  if (name.startsWith('/')) return 'the name is absolute';
  if (/^[A-Za-z]:/.test(name)) return 'the name has a drive letter';
  if (new TextEncoder().encode(name).byteLength > MAX_NAME_BYTES)
    return `the name is longer than ${MAX_NAME_BYTES} bytes`;
  const segments = name.split('/');
  if (segments.length > maxDepth) return `the name is more than ${maxDepth} levels deep`;
  for (const segment of segments) {
    if (segment === '') return 'the name has an empty segment';
    if (segment === '.' || segment === '..') return `the name has the segment "${segment}"`;
    // Windows drops these, so two names would become one.
    if (/[. ]$/.test(segment)) return 'a segment ends in a dot or a blank';
  }
  return undefined;
}

/** Whether a new name is the same file as an earlier one on a system that ignores case. */
export interface NameRegister {
  /** What is wrong with adding `name`, or nothing; then it is added. */
  add(name: string): string | undefined;
}

/** An empty register. A name is also refused when it is a folder of an earlier one, or the other way round. */
export function createNameRegister(): NameRegister {
  const files = new Map<string, string>();
  const folders = new Map<string, string>();
  return {
    add(name) {
      const folded = fold(name);
      const twin = files.get(folded) ?? folders.get(folded);
      if (twin === name && files.has(folded)) return 'the name occurs twice';
      if (twin !== undefined) return `the name collides with the ${files.has(folded) ? 'file' : 'folder'} "${twin}"`;
      const segments = name.split('/');
      for (let length = 1; length < segments.length; length += 1) {
        const folder = segments.slice(0, length).join('/');
        const known = files.get(fold(folder)) ?? folders.get(fold(folder));
        if (files.has(fold(folder)) || (known !== undefined && known !== folder)) {
          return `the name collides with the ${files.has(fold(folder)) ? 'file' : 'folder'} "${known ?? folder}"`;
        }
        folders.set(fold(folder), folder);
      }
      files.set(folded, name);
      return undefined;
    },
  };
}

function fold(name: string): string {
  // Upper-casing first folds ß and the Turkish dotless i the way case-insensitive file systems may.
  return name.toUpperCase().toLowerCase().normalize('NFC');
}
