import type { Subject } from './subject.js';

/** Whom the benchmark measures. Loaded on demand: one engine must not weigh on another's memory. */
export const SUBJECTS = {
  portcullis: async (): Promise<Subject> => (await import('./portcullis.js')).PORTCULLIS,
  opa: async (): Promise<Subject> => (await import('./opa.js')).OPA,
  cerbos: async (): Promise<Subject> => (await import('./cerbos.js')).CERBOS,
  cedar: async (): Promise<Subject> => (await import('./cedar.js')).CEDAR,
  casbin: async (): Promise<Subject> => (await import('./casbin.js')).CASBIN,
  'json-rules-engine': async (): Promise<Subject> => (await import('./json-rules.js')).JSON_RULES,
} as const;
/** See {@link SUBJECTS}. */
export type SubjectName = keyof typeof SUBJECTS;
