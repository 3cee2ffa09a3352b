/** Where content is in the messages of a protocol. */

/** The shape of a protocol's messages. Elements of lists have no part in paths. */
export interface MessageLayout {
  readonly name: string;
  /** Whether the value at a path of a message is content, to be searched and replaced. */
  isContent(path: readonly string[]): boolean;
  /** Whether the value at a path says what is meant: what is found there cannot be replaced. */
  isRouting(path: readonly string[]): boolean;
  /** Where the roots of paths as policies write them are; see {@link fieldPath}. */
  readonly roots: Readonly<Record<string, readonly (readonly string[])[]>>;
  /** Names of the protocol's own members with which a path without a root must not begin: are they meant, or members of content? */
  readonly envelope?: ReadonlySet<string>;
}
