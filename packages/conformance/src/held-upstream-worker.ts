// The thread of HeldUpstream.
import { createServer } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import { ANSWER_BYTES } from './held-upstream.js'
import { Peer } from './peer.js'

const { address, gate } = workerData
let releasedAt = 0

const server = createServer({ allowHalfOpen: true }, (socket) => {
  const afterMs = Math.round(performance.now() - releasedAt)
  let id: string | undefined
  const peer = new Peer(socket, {
    transport: address.transport,
    onHello: (name) => {
      id = name
    },
  })
  void peer.ended.then((ending) => {
    const { bytes, intact } = peer
    parentPort?.postMessage({ id, bytes, intact, ending, afterMs })
    if (id !== undefined && ending === 'FIN') peer.send(ANSWER_BYTES)
    socket.end()
  })
})
server.listen({ ...address, backlog: 1 }, () => {
  parentPort?.postMessage('listening')
  // The whole thread sleeps: whatever comes meanwhile waits in the kernel.
  Atomics.wait(gate, 0, 0)
  releasedAt = performance.now()
})
