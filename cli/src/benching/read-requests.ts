import type { CanonicalRequest, Checked, Json, Problem } from '@portcullis/policy/model';
import { parseCanonicalRequest } from '@portcullis/proto';
import { parseStrictJson } from '@portcullis/runtime';

/** Reads requests: one as JSON, a JSON list of them, or one per line. Each is checked as strictly as a PDP does. */
export function readRequests(bytes: Uint8Array, file: string): Checked<readonly CanonicalRequest[]> {
  const whole = parseStrictJson(bytes);
  if (whole.ok) {
    const { value } = whole;
    const list = Array.isArray(value) ? (value as readonly Json[]) : [value];
    return checkAll(
      list.map((json, index) => ({ json, path: Array.isArray(value) ? `[${index}]` : '' })),
      file,
    );
  }
  const lines = new TextDecoder().decode(bytes).split('\n');
  const documents: { readonly json: Json; readonly line: number }[] = [];
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue;
    const parsed = parseStrictJson(new TextEncoder().encode(line));
    if (!parsed.ok) {
      // A file whose first line is not a document was not meant as lines.
      const place = documents.length === 0 ? { message: `${whole.reason} at byte ${whole.offset}` } : undefined;
      const message = place?.message ?? `${parsed.reason} at byte ${parsed.offset} of the line`;
      const at = place === undefined ? { line: index + 1 } : {};
      return { ok: false, problems: [{ code: 'ERR_REQUEST_JSON', message, path: '', file, ...at }] };
    }
    documents.push({ json: parsed.value, line: index + 1 });
  }
  return checkAll(documents, file);
}

function checkAll(
  documents: readonly { readonly json: Json; readonly line?: number; readonly path?: string }[],
  file: string,
): Checked<readonly CanonicalRequest[]> {
  const problems: Problem[] = [];
  const requests: CanonicalRequest[] = [];
  for (const { json, line, path = '' } of documents) {
    const parsed = parseCanonicalRequest(json);
    if (parsed.ok) requests.push(parsed.value);
    else {
      for (const problem of parsed.problems) {
        const at = path === '' ? problem.path : `${path}.${problem.path}`;
        problems.push({ ...problem, path: at, file, ...(line === undefined ? {} : { line }) });
      }
    }
  }
  if (problems.length > 0) return { ok: false, problems };
  if (requests.length > 0) return { ok: true, value: requests };
  const message = 'the file has no requests: expected one as JSON, a JSON list of them, or one per line';
  return { ok: false, problems: [{ code: 'ERR_REQUEST_JSON', message, path: '', file }] };
}
