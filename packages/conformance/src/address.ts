/** Where to listen or to connect. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** `host:port`, `[::1]:port`, `tcp://host:port`, or a port of 127.0.0.1; `undefined` when it is none of them. */
export function parseAddress(text: string): Address | undefined {
  const match = /^(?:tcp:\/\/)?(?:(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]/]+)):)?(\d{1,5})$/.exec(text)
  if (match === null) return undefined
  const port = Number(match[3])
  return port >= 1 && port <= 65_535 ? { host: match[1] ?? match[2] ?? '127.0.0.1', port } : undefined
}

export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
