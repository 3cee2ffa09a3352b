/** What the platform team declares about tools, as a file of the configuration. */

import { readFile } from 'node:fs/promises';
import { type CanonicalRequest, VALUE_ROLES } from '@portcullis/policy/model';
import { PortcullisError } from '@portcullis/runtime';
import { z } from 'zod';
import type { AnnotationsOf } from './context-source.js';
import type { ToolAnnotations } from './model/annotations.js';

const MAX_BYTES = 4 * 1024 * 1024;

const name = () => z.string().min(1).max(256);
const names = () => z.array(name()).max(256);
const output = () =>
  z.strictObject({
    from: z.enum(['trusted', 'third_party']).optional(),
    trusted_fields: names().optional(),
    principal_fields: names().optional(),
    labels: names().optional(),
  });
const tool = () =>
  z.strictObject({
    effect: z.enum(['read', 'write']).optional(),
    sinks: names().optional(),
    arguments: z.record(name(), z.enum(VALUE_ROLES)).optional(),
    amount: name().optional(),
    output: output().optional(),
  });
const declarations = () =>
  z.strictObject({
    format: z.literal('portcullis.tools/1'),
    /** By server, and there by name. */
    servers: z.record(name(), z.record(name(), tool())),
  });

/**
 * Reads the declarations; without a file nothing is declared.
 * @throws PortcullisError `ERR_TOOL_DECLARATIONS` for a file that cannot be read, is larger than 4 MiB or says something
 * else: a declaration that is not understood might have been the one that makes a tool dangerous.
 */
export async function readDeclaredTools(file: string | undefined): Promise<AnnotationsOf> {
  if (file === undefined) return () => undefined;
  return declaredTools(await readDocument(file));
}

/** The declarations of a document. Throws as {@link readDeclaredTools} does. */
export function declaredTools(document: unknown): AnnotationsOf {
  const read = declarations().safeParse(document);
  if (!read.success) throw broken(z.prettifyError(read.error));
  const servers = new Map(
    Object.entries(read.data.servers).map(([server, tools]) => [server, new Map(Object.entries(tools))]),
  );
  return ({ tool: target }: CanonicalRequest): ToolAnnotations | undefined =>
    // What is absent in a document is absent here: the schema adds nothing.
    servers.get(target?.server ?? '')?.get(target?.name ?? '') as ToolAnnotations | undefined;
}

async function readDocument(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw broken('it cannot be read', error);
  }
  if (text.length > MAX_BYTES) throw broken('it is larger than 4 MiB');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw broken('it is no JSON', error);
  }
}

function broken(message: string, cause?: unknown): PortcullisError {
  const options = cause === undefined ? {} : { cause };
  return new PortcullisError('ERR_TOOL_DECLARATIONS', 'invalid', `the declarations of tools: ${message}`, options);
}
