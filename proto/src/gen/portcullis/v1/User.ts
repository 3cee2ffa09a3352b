// Original file: proto/portcullis/v1/decision.proto


export interface User {
  'id'?: (string);
  'email'?: (string);
  'role'?: (string);
  'team'?: (string);
  'attributes_json'?: (Buffer | Uint8Array | string);
  '_id'?: "id";
  '_email'?: "email";
  '_role'?: "role";
  '_team'?: "team";
  '_attributes_json'?: "attributes_json";
}

export interface User__Output {
  'id'?: (string);
  'email'?: (string);
  'role'?: (string);
  'team'?: (string);
  'attributes_json'?: (Buffer);
  '_id'?: "id";
  '_email'?: "email";
  '_role'?: "role";
  '_team'?: "team";
  '_attributes_json'?: "attributes_json";
}
