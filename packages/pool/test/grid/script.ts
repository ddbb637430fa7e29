import type { GridPeer } from './peer.js'
import type { Conversation, Plan } from './plan.js'

export type EndsFirst = Plan['endsFirst'] | 'nobody'

/** The client's part: says its lines as fast as it may, and ends when it has its answers, or none can come any more. */
export function playClient(
  client: GridPeer,
  { up, down }: Conversation,
  chunkBytes: number,
  endsFirst: EndsFirst,
  onChange: () => void,
): void {
  client.begin(up, down, chunkBytes, () => {
    const { saidAll, receivedBytes, ending } = client
    const hasAll = endsFirst === 'client-early' || (endsFirst === 'client' && receivedBytes >= down.length)
    if (saidAll && (hasAll || ending === 'fin')) client.end()
    onChange()
  })
  client.allow(up.length)
}

/** The upstream's part: answers each line that has come whole by one of its own, and ends when the client has and is answered. */
export function playUpstream(
  upstream: GridPeer,
  { up, down }: Conversation,
  chunkBytes: number,
  endsFirst: EndsFirst,
  onChange: () => void,
): void {
  upstream.begin(down, up, chunkBytes, () => {
    const owed = down.endOf(upstream.linesHeard)
    upstream.allow(owed)
    const first = endsFirst === 'upstream' && owed === down.length
    const saidOwed = upstream.sent >= owed || upstream.saidAll
    if (saidOwed && (first || upstream.ending === 'fin')) upstream.end()
    onChange()
  })
}
