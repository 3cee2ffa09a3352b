/** What a service needs of its process; the seam that lets tests end a service without ending themselves. */
export interface ProcessHost {
  stdout(text: string): void;
  stderr(text: string): void;
  /** Calls back for SIGTERM and SIGINT. */
  onSignal(callback: (signal: string) => void): void;
  /** Calls back for an exception or a rejection that nobody handled. */
  onUnexpected(callback: (error: unknown) => void): void;
  /** Lets the process end with `code` once nothing is left to do. */
  setExitCode(code: number): void;
  /** Ends the process now. */
  exit(code: number): void;
}

/** The real process. */
export function nodeProcess(): ProcessHost {
  return {
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
    onSignal(callback) {
      process.on('SIGTERM', callback);
      process.on('SIGINT', callback);
    },
    onUnexpected(callback) {
      process.on('uncaughtException', callback);
      process.on('unhandledRejection', callback);
    },
    setExitCode(code) {
      process.exitCode = code;
    },
    exit: (code) => process.exit(code),
  };
}
