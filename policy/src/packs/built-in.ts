/**
 * The folder of the packs that come with Portcullis, one folder each. Only its place: reading it is the caller's.
 * The same from the sources and from what is built of them.
 */
export function builtInPacksFolder(): URL {
  return new URL('../../packs/', import.meta.url);
}
