// Original file: proto/portcullis/v1/decision.proto

import type { Environment as _portcullis_v1_Environment, Environment__Output as _portcullis_v1_Environment__Output } from '../../portcullis/v1/Environment.js';
import type { StringList as _portcullis_v1_StringList, StringList__Output as _portcullis_v1_StringList__Output } from '../../portcullis/v1/StringList.js';

export interface Context {
  'timestamp'?: (string);
  'request_id'?: (string);
  'environment'?: (_portcullis_v1_Environment);
  'ip'?: (string);
  'session_id'?: (string);
  'workspace_id'?: (string);
  'tenant_id'?: (string);
  'data_classification'?: (string);
  'labels'?: (_portcullis_v1_StringList | null);
  'store'?: (string);
  'delegation_json'?: (Buffer | Uint8Array | string);
  'approval_json'?: (Buffer | Uint8Array | string);
  'attributes_json'?: (Buffer | Uint8Array | string);
  /**
   * What the PEP saw the user ask for; never from the agent or a tool.
   */
  'task_json'?: (Buffer | Uint8Array | string);
  '_ip'?: "ip";
  '_session_id'?: "session_id";
  '_workspace_id'?: "workspace_id";
  '_tenant_id'?: "tenant_id";
  '_data_classification'?: "data_classification";
  '_labels'?: "labels";
  '_store'?: "store";
  '_delegation_json'?: "delegation_json";
  '_approval_json'?: "approval_json";
  '_attributes_json'?: "attributes_json";
  '_task_json'?: "task_json";
}

export interface Context__Output {
  'timestamp'?: (string);
  'request_id'?: (string);
  'environment'?: (_portcullis_v1_Environment__Output);
  'ip'?: (string);
  'session_id'?: (string);
  'workspace_id'?: (string);
  'tenant_id'?: (string);
  'data_classification'?: (string);
  'labels'?: (_portcullis_v1_StringList__Output);
  'store'?: (string);
  'delegation_json'?: (Buffer);
  'approval_json'?: (Buffer);
  'attributes_json'?: (Buffer);
  /**
   * What the PEP saw the user ask for; never from the agent or a tool.
   */
  'task_json'?: (Buffer);
  '_ip'?: "ip";
  '_session_id'?: "session_id";
  '_workspace_id'?: "workspace_id";
  '_tenant_id'?: "tenant_id";
  '_data_classification'?: "data_classification";
  '_labels'?: "labels";
  '_store'?: "store";
  '_delegation_json'?: "delegation_json";
  '_approval_json'?: "approval_json";
  '_attributes_json'?: "attributes_json";
  '_task_json'?: "task_json";
}
