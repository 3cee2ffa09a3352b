/** What the reference server shows: the fixtures that the public conformance suite looks for by name. */
import { fromJsonSchema, type McpServer, ResourceTemplate, type TextContent } from '@modelcontextprotocol/server';
import { z } from 'zod';

/** A red pixel as PNG. */
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';
/** A WAV file without samples. */
const WAV = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=';

/** A tool result, or a part of one, that is text. */
export const text = (value: string): TextContent => ({ type: 'text', text: value });
const image = { type: 'image' as const, data: PNG, mimeType: 'image/png' };
const audio = { type: 'audio' as const, data: WAV, mimeType: 'audio/wav' };
const embedded = (uri: string, mimeType: string, value: string) => ({
  type: 'resource' as const,
  resource: { uri, mimeType, text: value },
});

const RESULTS = {
  test_simple_text: [text('This is a simple text response for testing.')],
  test_image_content: [image],
  test_audio_content: [audio],
  test_embedded_resource: [embedded('test://embedded-resource', 'text/plain', 'An embedded resource.')],
  test_multiple_content_types: [
    text('Several kinds of content:'),
    image,
    embedded('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
  ],
};

/** Keywords of JSON Schema 2020-12 that must come through `tools/list` untouched. */
const SCHEMA_2020_12 = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: {
    address: {
      $anchor: 'addressDef',
      type: 'object',
      properties: { street: { type: 'string' }, city: { type: 'string' } },
    },
  },
  properties: {
    name: { type: 'string' },
    address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string', enum: ['phone', 'email'] },
    phone: { type: 'string' },
    email: { type: 'string' },
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  ...Object.fromEntries([
    // An object with a `then` of its own looks like a promise, so the keyword is not written as a property.
    ['if', { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] }],
    ['then', { required: ['phone'] }],
    ['else', { required: ['email'] }],
  ]),
  additionalProperties: false,
};

/** An argument that goes into a header too, which the keyword says. */
const MIRRORED_SCHEMA = {
  type: 'object',
  properties: { region: { type: 'string', 'x-mcp-header': 'Region' }, level: { type: 'integer' } },
};

/** Tools that answer without asking anybody. */
export function registerPlainTools(server: McpServer): void {
  for (const [name, content] of Object.entries(RESULTS)) {
    server.registerTool(name, { description: `Answers with fixed content: ${name}` }, async () => ({ content }));
  }
  server.registerTool('test_error_handling', { description: 'Always fails' }, async () => {
    throw new Error('This tool intentionally returns an error for testing');
  });
  server.registerTool(
    'json_schema_2020_12_tool',
    { description: 'Has an input schema of the 2020-12 draft', inputSchema: fromJsonSchema(SCHEMA_2020_12) },
    async (args) => ({ content: [text(JSON.stringify(args))] }),
  );
  server.registerTool(
    'test_x_mcp_header',
    {
      description: 'Has an argument that is mirrored into a header',
      inputSchema: fromJsonSchema<{ region?: string }>(MIRRORED_SCHEMA),
    },
    async ({ region }) => ({ content: [text(`region ${region ?? 'none'}`)] }),
  );
}

/** Resources: text, binary, a template and one to subscribe to. */
export function registerResources(server: McpServer): void {
  const fixed = {
    'static-text': { mimeType: 'text/plain', text: 'The static text.' },
    'static-binary': { mimeType: 'image/png', blob: PNG },
    'watched-resource': { mimeType: 'text/plain', text: 'Watched.' },
  };
  for (const [name, content] of Object.entries(fixed)) {
    const uri = `test://${name}`;
    const config = { title: name, description: `The ${name}`, mimeType: content.mimeType };
    server.registerResource(name, uri, config, async () => ({ contents: [{ uri, ...content }] }));
  }
  server.registerResource(
    'template',
    new ResourceTemplate('test://template/{id}/data', { list: undefined }),
    { title: 'Template', description: 'One resource for each id', mimeType: 'application/json' },
    async (uri, { id }) => ({
      contents: [{ uri: uri.href, mimeType: 'application/json', text: JSON.stringify({ id, templateTest: true }) }],
    }),
  );
  server.server.setRequestHandler('resources/subscribe', async () => ({}));
  server.server.setRequestHandler('resources/unsubscribe', async () => ({}));
}

/** Prompts, and completion of their arguments. */
export function registerPrompts(server: McpServer): void {
  const user = <C>(content: C) => ({ role: 'user' as const, content });
  server.registerPrompt('test_simple_prompt', { description: 'A fixed message' }, async () => ({
    messages: [user(text('This is a simple prompt for testing.'))],
  }));
  server.registerPrompt(
    'test_prompt_with_arguments',
    { description: 'Takes two arguments', argsSchema: z.object({ arg1: z.string(), arg2: z.string() }) },
    async ({ arg1, arg2 }) => ({ messages: [user(text(`arg1='${arg1}', arg2='${arg2}'`))] }),
  );
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    { description: 'Embeds a resource', argsSchema: z.object({ resourceUri: z.string() }) },
    async ({ resourceUri }) => ({
      messages: [user(embedded(resourceUri, 'text/plain', 'An embedded resource.')), user(text('Process it.'))],
    }),
  );
  server.registerPrompt('test_prompt_with_image', { description: 'Shows an image' }, async () => ({
    messages: [user(image), user(text('Look at it.'))],
  }));
  server.server.setRequestHandler('completion/complete', async () => ({
    completion: { values: ['one', 'two'], total: 2, hasMore: false },
  }));
}
