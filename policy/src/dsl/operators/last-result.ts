/**
 * Remembers the last text and what it was parsed to: many leaves ask of one field, and the index before them. Values are
 * only ever seen again within one evaluation, so one is enough.
 */
export function rememberLast<T>(parse: (text: string) => T): (text: string) => T {
  let last: { readonly text: string; readonly result: T } | undefined;
  return (text) => {
    if (last?.text !== text) last = { text, result: parse(text) };
    return last.result;
  };
}
