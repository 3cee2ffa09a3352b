// Original file: proto/portcullis/v1/decision.proto


export interface ModelRequest {
  'action'?: (string);
  'model'?: (string);
  'model_provider'?: (string);
  'model_endpoint'?: (string);
  'estimated_tokens'?: (number | string);
  'max_tokens'?: (number | string);
  'stream'?: (boolean);
  'query'?: (string);
  'output'?: (string);
  '_action'?: "action";
  '_model'?: "model";
  '_model_provider'?: "model_provider";
  '_model_endpoint'?: "model_endpoint";
  '_estimated_tokens'?: "estimated_tokens";
  '_max_tokens'?: "max_tokens";
  '_stream'?: "stream";
  '_query'?: "query";
  '_output'?: "output";
}

export interface ModelRequest__Output {
  'action'?: (string);
  'model'?: (string);
  'model_provider'?: (string);
  'model_endpoint'?: (string);
  'estimated_tokens'?: (number);
  'max_tokens'?: (number);
  'stream'?: (boolean);
  'query'?: (string);
  'output'?: (string);
  '_action'?: "action";
  '_model'?: "model";
  '_model_provider'?: "model_provider";
  '_model_endpoint'?: "model_endpoint";
  '_estimated_tokens'?: "estimated_tokens";
  '_max_tokens'?: "max_tokens";
  '_stream'?: "stream";
  '_query'?: "query";
  '_output'?: "output";
}
