interface SocketSettings {
  readonly allowHalfOpen: boolean
  readonly highWaterMark: number
  readonly noDelay: boolean
  readonly keepAlive: boolean
  readonly keepAliveInitialDelay: number
}

/**
 * What every socket of a relay is opened with, accepted or dialed.
 *
 * Half-open: one direction's end is not the other's. 16 KiB on every Node version (22 and later would take 64), for the bound on
 * memory. No Nagle: a relay must not hold small messages back. Keep-alive, so that a peer that vanished is noticed.
 */
export const SOCKET_SETTINGS: SocketSettings = {
  allowHalfOpen: true,
  highWaterMark: 16 * 1024,
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: 60_000,
}
