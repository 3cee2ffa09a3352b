/** Signals of an exchange that can also be ended by themselves. */

/**
 * A controller whose signal is aborted with another one, and on its own. `AbortSignal.any` does the same and takes some twenty times as
 * long, on every call.
 * @param signal of the same exchange: what was listened to is let go with it
 */
export function abortedWith(signal: AbortSignal): AbortController {
  const own = new AbortController();
  if (signal.aborted) own.abort(signal.reason);
  else signal.addEventListener('abort', () => own.abort(signal.reason), { once: true });
  return own;
}
