// Original file: proto/portcullis/v1/decision.proto


export interface WatchRequest {
}

export interface WatchRequest__Output {
}
