/**
 * Gives members whose names are redacted new ones that no other member has: of two members of one name one would be lost, and readers
 * differ in which.
 * @param originals the names that are there already; asked for once, with the first redacted one
 * @returns called with a redacted name, one that is like it, numbered where it is taken; each is given out once
 */
export function distinctNames(originals: () => Iterable<string>): (redacted: string) => string {
  let taken: Set<string> | undefined;
  const serials = new Map<string, number>();
  return (redacted) => {
    taken ??= new Set(originals());
    let serial = serials.get(redacted) ?? 0;
    let name: string;
    do {
      serial += 1;
      name = serial === 1 ? redacted : `${redacted} (${serial})`;
    } while (taken.has(name));
    serials.set(redacted, serial);
    taken.add(name);
    return name;
  };
}
