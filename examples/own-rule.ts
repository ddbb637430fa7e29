// A reuse rule of one's own: "?word" asks for a definition, "=text" answers it; any other line would leave something behind.
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { createRelayServer, type ReuseProof, type ReuseRule } from '@relay/core'
import { connectionPool } from '@relay/pool'
import { checkRule } from '@relay/pool/testing'

// #region rule
const [LF, ASK, TELL] = Buffer.from('\n?=')

class DictionaryProof implements ReuseProof {
  #waiting = 0
  #inRequest = false
  #inReply = false
  #tainted = false
  #foreign = false

  get state() {
    if (this.#tainted) return 'tainted'
    return this.#inRequest ? 'partial' : this.#waiting > 0 ? 'busy' : 'idle'
  }

  up(chunk: Buffer): void {
    for (const byte of chunk) {
      if (!this.#inRequest && byte !== ASK) this.#tainted = true
      this.#inRequest = byte !== LF
      if (byte === LF) this.#waiting++
    }
  }

  down(chunk: Buffer): boolean {
    for (const byte of chunk) {
      if (this.#tainted) break
      this.#foreign = this.#waiting === 0 || (!this.#inReply && byte !== TELL)
      this.#tainted = this.#foreign
      this.#inReply = byte !== LF
      if (byte === LF) this.#waiting--
    }
    return !this.#foreign
  }
}
const dictionary: ReuseRule = { name: 'dictionary', open: () => new DictionaryProof() }
const exchanges = [{ request: '?relay\n', reply: '=passes on\n' }]
const forged = [{ request: '+subscribe\n' }, { request: '?a\n', reply: '=a\n=b\n' }]
checkRule(dictionary, { exchanges, forged })
// #endregion

const upstream = createServer((socket) => socket.on('data', () => socket.write('=passes on\n')))
await once(upstream.listen(0, '127.0.0.1'), 'listening')
const { port } = upstream.address() as { port: number }
const pool = connectionPool({ dial: { host: '127.0.0.1', port }, reuse: dictionary })
const server = createRelayServer({ upstream: pool })
const address = await server.listen('127.0.0.1:0')
for (let visit = 1; 'port' in address && visit <= 3; visit++) {
  const client = connect(address.port, address.host).end('?relay\n')
  console.log(`client ${visit}:`, (await once(client, 'data')).toString().trim())
  await once(client, 'close')
}
console.log(`${pool.stats().created} connection for 3 clients`)
await Promise.all([server.close(), pool.close(), upstream.close()])
