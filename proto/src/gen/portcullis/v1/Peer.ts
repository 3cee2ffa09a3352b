// Original file: proto/portcullis/v1/decision.proto


export interface Peer {
  'agent_id'?: (string);
  'skill'?: (string);
  'url'?: (string);
  '_agent_id'?: "agent_id";
  '_skill'?: "skill";
  '_url'?: "url";
}

export interface Peer__Output {
  'agent_id'?: (string);
  'skill'?: (string);
  'url'?: (string);
  '_agent_id'?: "agent_id";
  '_skill'?: "skill";
  '_url'?: "url";
}
