export type FailureCode = 1 | 2 | 130 | 143

/** Ends the command with this exit code, and its message as the one line that says why. */
export class Failure extends Error {
  readonly exitCode: FailureCode

  constructor(exitCode: FailureCode, message = '') {
    super(message)
    this.exitCode = exitCode
  }
}
