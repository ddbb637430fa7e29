// This relay as a library, with so many stages: node stage-relay.js <listen> <upstream> <stages>
import { createRelayServer, dialer, parseAddress, type Stage } from '@relay/core'

const [listen = '', upstream = '', count] = process.argv.slice(2)
const { host, port } = parseAddress(upstream) as { host: string; port: number }
const stages = Array.from(
  { length: Number(count) },
  (_, at): Stage => ({ name: `pass-${at}`, up: () => (chunk) => chunk, down: () => (chunk) => chunk }),
)

await createRelayServer({ upstream: dialer({ host, port }), stages }).listen(listen)
