// What an endpoint that speaks no TLS looks like to OpenSSL.
const NO_TLS = new Set([
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
  'ERR_SSL_HTTP_REQUEST',
])

interface TlsError extends NodeJS.ErrnoException {
  readonly reason?: string
}

/** What the system, or OpenSSL, has against a connection, in words that mean something to its user. */
export function causeText(cause: Error): string {
  // Of a name with several addresses Node reports an AggregateError with an empty message.
  const errors: Error[] = cause instanceof AggregateError ? cause.errors : [cause]
  return errors.map((error) => tlsText(error) ?? systemText(error)).join('; ')
}

function tlsText(error: TlsError): string | undefined {
  // error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../deps/openssl/openssl/ssl/record/ssl3_record.c:354:
  const [raw, parsed] = /error:[0-9A-F]{8}:[^:]*:[^:]*:([^:]+)/.exec(error.message) ?? []
  const { code = '', reason = parsed } = error
  if (reason === undefined || (raw === undefined && !code.startsWith('ERR_SSL_'))) return undefined
  const [, alert] = /^(?:sslv3|tlsv1|tlsv13|ssl\/tls) alert (.*)$/.exec(reason) ?? []
  const what = alert === undefined ? reason : `the peer says ${alert}`
  const hint = NO_TLS.has(code) ? '; it does not seem to speak TLS' : ''
  return `TLS failed: ${what}${code === '' ? '' : ` (${code})`}${hint}`
}

// Node names its own end, also where there is none yet.
function systemText({ message }: Error): string {
  return message.replace(/ - Local \(undefined:undefined\)$/, '')
}
