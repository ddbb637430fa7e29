/** Which end of a session something happened on. */
export type Side = 'client' | 'upstream'

/** What the session was doing when something happened. */
export type Phase = 'listen' | 'connect' | 'transfer'

/** The codes of {@link RelayError}; each is a heading in docs/errors.md. */
export type RelayErrorCode =
  | 'ERR_RELAY_CONNECT'
  | 'ERR_RELAY_CONNECT_TIMEOUT'
  | 'ERR_RELAY_CLOSED'
  | 'ERR_RELAY_FOREIGN_BYTES'
  | 'ERR_RELAY_LEASED'
  | 'ERR_RELAY_LISTEN'
  | 'ERR_RELAY_PEER'
  | 'ERR_RELAY_PREMATURE_CLOSE'
  | 'ERR_RELAY_RESET'
  | 'ERR_RELAY_STAGE'

export interface RelayErrorOptions {
  readonly side?: Side | undefined
  readonly phase?: Phase | undefined
  readonly cause?: unknown
}

/**
 * What went wrong in a relay, a server or a dial. Match on `code`, never on `message`.
 *
 * Wrong arguments are a `TypeError` or a `RangeError` instead.
 */
export class RelayError extends Error {
  override readonly name = 'RelayError'
  readonly code: RelayErrorCode
  readonly side: Side | undefined
  readonly phase: Phase | undefined

  constructor(code: RelayErrorCode, message: string, options: RelayErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.side = options.side
    this.phase = options.phase
  }
}
