/** What a gateway sent cannot be judged: it is missing, contradicts itself, or could be read in two ways. Denied. */
export class Unclear extends Error {
  /** A place in the gateway's message. */
  readonly path: string;
  constructor(path: string, message: string) {
    super(message);
    this.path = path;
  }
}
