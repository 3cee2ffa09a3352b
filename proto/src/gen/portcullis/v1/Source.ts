// Original file: proto/portcullis/v1/decision.proto

export const Source = {
  SOURCE_UNSPECIFIED: 'SOURCE_UNSPECIFIED',
  SOURCE_MCP_PROXY: 'SOURCE_MCP_PROXY',
  SOURCE_LLM_PROXY: 'SOURCE_LLM_PROXY',
  SOURCE_EGRESS_PROXY: 'SOURCE_EGRESS_PROXY',
  SOURCE_A2A_PROXY: 'SOURCE_A2A_PROXY',
  SOURCE_SDK: 'SOURCE_SDK',
  SOURCE_EXT_AUTHZ: 'SOURCE_EXT_AUTHZ',
  SOURCE_HOOK: 'SOURCE_HOOK',
} as const;

export type Source =
  | 'SOURCE_UNSPECIFIED'
  | 0
  | 'SOURCE_MCP_PROXY'
  | 1
  | 'SOURCE_LLM_PROXY'
  | 2
  | 'SOURCE_EGRESS_PROXY'
  | 3
  | 'SOURCE_A2A_PROXY'
  | 4
  | 'SOURCE_SDK'
  | 5
  | 'SOURCE_EXT_AUTHZ'
  | 6
  | 'SOURCE_HOOK'
  | 7

export type Source__Output = typeof Source[keyof typeof Source]
