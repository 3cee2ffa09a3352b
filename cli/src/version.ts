/** The version that `portcullis --version` prints; the package's own (a test holds the two together). */
export const CLI_VERSION = '0.1.0';
