const SECRET_NAME = /secret|token|password|passphrase|credential|api_?key|private_?key/i;
const PLACE_NAME = /(?:File|Dir|Path)$/;
const USER_INFO = /\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#@]*@/gi;

/**
 * A copy fit for printing: values under names that speak of secrets are replaced, user information in URLs too.
 * Names of files and folders are places, not secrets.
 */
export function redactConfig(value: unknown, name = ''): unknown {
  if (SECRET_NAME.test(name) && !PLACE_NAME.test(name) && value !== undefined && value !== null) return '[redacted]';
  if (typeof value === 'string') return value.replaceAll(USER_INFO, '$1[redacted]@');
  if (Array.isArray(value)) return value.map((element) => redactConfig(element));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, redactConfig(member, key)]));
}
