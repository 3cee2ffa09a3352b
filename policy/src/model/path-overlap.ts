/** Stands for the whole request among fields that were read: something looked at it other than by its fields. */
export const WHOLE_REQUEST = '';

/** Whether `path` names something inside of what `container` names. Both in their normal spelling, see `joinPath`. */
export function isBelow(path: string, container: string): boolean {
  return path.startsWith(container) && (path[container.length] === '.' || path[container.length] === '[');
}

/** Whether two fields are the same, or one holds the other: who reads or changes one, reads or changes the other. */
export function pathsOverlap(path: string, other: string): boolean {
  return path === other || isBelow(path, other) || isBelow(other, path);
}

/** Whether one of `fields` is `path`, holds it, or is inside it; the whole request holds everything. */
export function overlapsAny(path: string, fields: readonly string[]): boolean {
  return fields.some((field) => field === WHOLE_REQUEST || pathsOverlap(path, field));
}
