// Original file: proto/portcullis/v1/risk_analyser.proto


export interface AnalyseRequest {
  /**
   * UTF-8 JSON: {"version": "1", "request": the canonical request, "facts": what the PDP knows besides}.
   */
  'subject'?: (Buffer | Uint8Array | string);
}

export interface AnalyseRequest__Output {
  /**
   * UTF-8 JSON: {"version": "1", "request": the canonical request, "facts": what the PDP knows besides}.
   */
  'subject'?: (Buffer);
}
