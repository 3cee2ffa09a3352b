// Original file: proto/gateways/ext_mcp.proto


export interface Pass {
}

export interface Pass__Output {
}
