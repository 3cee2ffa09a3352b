import { z } from 'zod';
import { joinPath, splitPath } from '../model/field-path.js';
import { builtInRow } from './built-in-fields.js';
import type { Excerpt, Findings } from './findings.js';
import { didYouMean } from './nearest.js';
import { childPath } from './source-document.js';

/** Types that a bundle may give to its own fields. */
export const CUSTOM_FIELD_TYPES = [
  'string',
  'number',
  'boolean',
  'string_list',
  'number_list',
  'datetime',
  'ip',
] as const;
/** See {@link CUSTOM_FIELD_TYPES}. */
export type CustomFieldType = (typeof CUSTOM_FIELD_TYPES)[number];

/** A field that a bundle declares. */
export interface CustomField {
  readonly type: CustomFieldType;
  /** The only texts that the field, or an element of the list, can have. */
  readonly members?: readonly string[];
}

/** The fields that a bundle declares, by path in its normal spelling. */
export type CustomFields = Readonly<Record<string, CustomField>>;

/** Fields of one bundle. */
const MAX_CUSTOM_FIELDS = 1000;

function customFieldShape() {
  return z
    .strictObject({
      type: z.enum(CUSTOM_FIELD_TYPES).describe('What the field holds; another value is an error.'),
      members: z
        .array(z.string().min(1).max(200))
        .min(1)
        .max(1000)
        .describe('The only texts that it can have, for string and string_list.')
        .optional(),
    })
    .refine(({ type, members }) => members === undefined || type === 'string' || type === 'string_list', {
      message: 'only a string or a string_list has members',
      path: ['members'],
    });
}

/** The schema of `fields` in `bundle.yaml`. */
export function customFieldsShape(): ReturnType<typeof buildCustomFieldsShape> {
  return buildCustomFieldsShape();
}

function buildCustomFieldsShape() {
  return z
    .record(z.string().max(512), customFieldShape())
    .refine((fields) => Object.keys(fields).length <= MAX_CUSTOM_FIELDS, {
      message: `a bundle declares at most ${MAX_CUSTOM_FIELDS} fields`,
    });
}

/** A declaration as zod gives it. */
interface Written {
  readonly type: CustomFieldType;
  readonly members?: readonly string[] | undefined;
}

/** The containers of fields that a deployment chooses itself. */
const CONTAINERS = ['agent.attributes', 'tool.attributes', 'user.attributes', 'context.attributes'] as const;

/**
 * Checks what zod cannot: that each path is one of an attribute and that none lies inside another. Returns the fields
 * by the normal spelling of their paths.
 */
export function readCustomFields(
  written: Readonly<Record<string, Written>>,
  where: Excerpt,
  findings: Findings,
): CustomFields {
  const fields: Record<string, CustomField> = {};
  for (const [path, field] of Object.entries(written)) {
    const fault = pathFault(path);
    const normal = typeof fault === 'string' ? path : fault.path;
    const clash = Object.keys(fields).find(
      (other) => other === normal || other.startsWith(`${normal}.`) || normal.startsWith(`${other}.`),
    );
    const at = childPath('fields', path);
    if (typeof fault === 'string') findings.add(where, at, 'ERR_POLICY_FIELD_UNKNOWN', fault, 'key');
    else if (clash !== undefined) {
      const message = `the field "${path}" is declared as "${clash}" or lies inside it`;
      findings.add(where, at, 'ERR_POLICY_FIELD_UNKNOWN', message, 'key');
    } else fields[normal] = { type: field.type, ...(field.members === undefined ? {} : { members: field.members }) };
  }
  return fields;
}

function pathFault(path: string): string | { readonly path: string } {
  const segments = splitPath(path);
  if (typeof segments === 'string') return segments;
  const [first, second] = segments;
  const container = `${first?.name ?? ''}.${second?.name ?? ''}`;
  if (segments.some(({ quantifiers }) => quantifiers.length > 0))
    return `"${path}" declares elements; declare the list`;
  if (segments.length > 2 && (CONTAINERS as readonly string[]).includes(container)) return { path: joinPath(segments) };
  const known = builtInRow(path) === undefined ? didYouMean(container, CONTAINERS) : '; it is a built-in field';
  return `a bundle declares names below ${CONTAINERS.join(', ')}; "${path}" is not one${known}`;
}
