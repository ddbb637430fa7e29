// A relay that tells what each Redis command took, tried on a server that knows three of them; or on a real one: its port as argument.
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { createRelayServer, dialer } from '@relay/core'
import { redisLatency } from './redis-latency-stage.js'

const ANSWERS: Readonly<Record<string, string>> = {
  PING: '+PONG\r\n',
  GET: '$5\r\nhello\r\n',
  SET: '+OK\r\n',
}

// It answers in order, and GET late: so what comes behind a GET in a pipeline is late, too.
const fake = createServer((socket) => {
  let last: Promise<unknown> = Promise.resolve()
  socket.on('data', (chunk) => {
    for (const [name] of chunk.toString().matchAll(/PING|GET|SET/g)) {
      last = last.then(() => new Promise((resolve) => setTimeout(resolve, name === 'GET' ? 20 : 0)))
      last = last.then(() => socket.write(ANSWERS[name] ?? ''))
    }
  })
})
await once(fake.listen(0, '127.0.0.1'), 'listening')
const { port } = fake.address() as { port: number }

// #region server
const server = createRelayServer({
  upstream: dialer({ host: '127.0.0.1', port: Number(process.argv[2] ?? port) }),
  stages: [redisLatency(console.log)],
})
// #endregion
const address = await server.listen('127.0.0.1:0')
if (!('port' in address)) throw new Error('not a TCP address')

const command = (...words: string[]): string =>
  `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`

const client = connect(address.port, address.host)
client.write(command('SET', 'greeting', 'hello') + command('GET', 'greeting') + command('PING'))
let answers = ''
while (!answers.endsWith('+PONG\r\n')) answers += (await once(client, 'data'))[0]
client.end()
client.resume()
await once(client, 'close')
await server.close()
fake.close()
