/** Marks the branch that a closed union never reaches; a new member stops compiling here. */
export function assertNever(value: never): never {
  throw new TypeError(`unreachable: ${String(value)}`);
}
