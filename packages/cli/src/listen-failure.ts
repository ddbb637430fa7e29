import { type Address, formatAddress } from '@relay/core'
import { Failure } from './failure.js'

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EADDRINUSE: 'already in use',
  EADDRNOTAVAIL: 'not an address of this machine',
  EMFILE: 'out of file descriptors',
  ENOTFOUND: 'unknown host',
}

/** The one line for an address that cannot be listened on; `hint` says what to do about it. */
export function listenFailure(address: Address, error: unknown, hint = ''): Failure {
  const { code = '', message } = systemError(error)
  const reason = reasons[code] ?? message
  const why = reason.includes(code) ? reason : `${reason} (${code})`
  return new Failure(1, `cannot listen on ${formatAddress(address)}: ${why}${hint}`)
}

function systemError(error: unknown): NodeJS.ErrnoException {
  if (!(error instanceof Error)) return new Error(String(error))
  return error.cause instanceof Error ? error.cause : error
}
