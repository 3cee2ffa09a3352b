/** Credentials for what is upstream: named in the configuration, read from elsewhere, never the agent's own. */
export { readSecret, type SecretSource, secretSource } from '@portcullis/runtime';
