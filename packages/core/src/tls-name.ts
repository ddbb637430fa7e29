import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'

/**
 * The name that a certificate is asked for by, of a host as it was typed: in A-labels and without a final dot, as RFC 6066 wants it in SNI.
 * An IP address has none.
 */
export function tlsName(host: string): string | undefined {
  const ascii = domainToASCII(host)
  const name = (ascii === '' ? host : ascii).replace(/\.$/, '')
  return isIP(name) === 0 && name !== '' ? name : undefined
}
