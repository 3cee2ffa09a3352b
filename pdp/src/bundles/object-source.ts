/** Where verification reads from. A `ChannelReader` is one; so is a plain HTTP repository. Never trusted. */
export interface ObjectSource {
  /**
   * The bytes under `key` (`metadata/...` or `targets/...`), or `undefined` when there are none.
   * @throws PortcullisError kind `unavailable`, `timeout`, or `corrupt` when there are more than `maxBytes`.
   */
  get(
    key: string,
    options: { readonly maxBytes: number; readonly signal: AbortSignal },
  ): Promise<Uint8Array | undefined>;
}
