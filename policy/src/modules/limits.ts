/**
 * Caps on modules of other engines. Neither engine can be interrupted, so what bounds an evaluation is its size: of the
 * program, of its data, of the request, and for Rego the steps it may take.
 */
export const MODULE_LIMITS = {
  /** Files of one module. */
  files: 64,
  cedar: {
    /** Bytes of all policy files of a module together. */
    policyBytes: 256 * 1024,
    policies: 500,
    /** How deep an expression may nest, by the measure of `measureDepth`. */
    depth: 96,
    /** Bytes of `schema.cedarschema`. */
    schemaBytes: 256 * 1024,
    /** Bytes of `entities.json`. */
    entityBytes: 256 * 1024,
    entities: 1000,
    /** How deep a value of the request may nest. */
    valueDepth: 64,
    /** Values of the request: members and elements at any depth. */
    values: 5000,
    /** Characters of the request's texts. */
    characters: 1024 * 1024,
  },
  rego: {
    /** Bytes of `policy.wasm`. */
    programBytes: 8 * 1024 * 1024,
    /** Bytes of `data.json`. */
    dataBytes: 1024 * 1024,
    /** Bytes of the request as JSON. */
    inputBytes: 512 * 1024,
    /** Bytes of the result as JSON. */
    outputBytes: 64 * 1024,
    /** Pages of 64 KiB that the program may have in all. */
    memoryPages: 512,
    /** Entries of the program's function table. */
    tableEntries: 16_384,
    /** Steps of one evaluation; see `meterProgram`. */
    fuel: 4_000_000,
    /** Steps more for each byte of the request, which the program has to read first. */
    fuelPerInputByte: 24,
    /** Reasons that one evaluation may give. */
    findings: 100,
  },
} as const;
