// Original file: proto/portcullis/v1/decision.proto


export interface Tool {
  'id'?: (string);
  'name'?: (string);
  'operation'?: (string);
  'server'?: (string);
  'arguments_json'?: (Buffer | Uint8Array | string);
  'definition_digest'?: (string);
  'attributes_json'?: (Buffer | Uint8Array | string);
  '_id'?: "id";
  '_name'?: "name";
  '_operation'?: "operation";
  '_server'?: "server";
  '_arguments_json'?: "arguments_json";
  '_definition_digest'?: "definition_digest";
  '_attributes_json'?: "attributes_json";
}

export interface Tool__Output {
  'id'?: (string);
  'name'?: (string);
  'operation'?: (string);
  'server'?: (string);
  'arguments_json'?: (Buffer);
  'definition_digest'?: (string);
  'attributes_json'?: (Buffer);
  '_id'?: "id";
  '_name'?: "name";
  '_operation'?: "operation";
  '_server'?: "server";
  '_arguments_json'?: "arguments_json";
  '_definition_digest'?: "definition_digest";
  '_attributes_json'?: "attributes_json";
}
