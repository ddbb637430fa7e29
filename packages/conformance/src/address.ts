/** What carries the bytes of one side. */
export type Transport = 'tcp' | 'unix' | 'tls'

/** Where to listen or to connect. */
export type Address = NetworkAddress | UnixAddress

export interface NetworkAddress {
  readonly transport: 'tcp' | 'tls'
  readonly host: string
  readonly port: number
}

interface UnixAddress {
  readonly transport: 'unix'
  readonly path: string
}

/** `host:port`, `[::1]:port`, a port of 127.0.0.1, `tls://host:port` or `unix:/path`; `undefined` when it is none of them. */
export function parseAddress(text: string): Address | undefined {
  if (/^unix:./.test(text)) return { transport: 'unix', path: text.slice('unix:'.length) }
  const match = /^(?:(tcp|tls):\/\/)?(?:(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]/]+)):)?(\d{1,5})$/.exec(text)
  if (match === null) return undefined
  const port = Number(match[4])
  if (port < 1 || port > 65_535) return undefined
  return { transport: match[1] === 'tls' ? 'tls' : 'tcp', host: match[2] ?? match[3] ?? '127.0.0.1', port }
}

export function formatAddress(address: Address): string {
  if (address.transport === 'unix') return `unix:${address.path}`
  return `${address.transport === 'tls' ? 'tls://' : ''}${formatHostPort(address)}`
}

export function formatHostPort({ host, port }: NetworkAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
