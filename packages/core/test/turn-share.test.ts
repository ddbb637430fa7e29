import { Socket } from 'node:net'
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { dialer } from '../src/dialer.js'
import { sendQueueBytes } from '../src/send-queue.js'
import { createRelayServer } from '../src/server.js'
import { inTurn } from '../src/turn-share.js'
import { client, echo, upstream } from './support/upstream.js'

/** Keeps the event loop busy. */
function busy(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}

/** To be told of each task as it runs: the most that one turn of the event loop has seen. */
function mostInOneTurn(): { count(): void; readonly most: number } {
  let inThisTurn = 0
  let most = 0
  return {
    count() {
      if (inThisTurn++ === 0) {
        setImmediate(() => {
          inThisTurn = 0
        })
      }
      most = Math.max(most, inThisTurn)
    },
    get most() {
      return most
    },
  }
}

// What came before has used no time of the turn that a test begins in.
beforeEach(async () => {
  for (let turns = 0; turns < 2; turns++) await new Promise((resolve) => setImmediate(resolve))
})

test('a task runs at once while there is time', () => {
  let ran = false
  inTurn(() => {
    ran = true
  })
  expect(ran).toBe(true)
})

test('tasks that take long leave each turn to others, and keep their order', async () => {
  const order: number[] = []
  let turns = 0
  const count = (): void => {
    turns++
    if (order.length < 40) setImmediate(count)
  }
  setImmediate(count)
  for (let task = 0; task < 40; task++) {
    inTurn(() => {
      order.push(task)
      busy(1)
    })
  }
  expect(order.length).toBeLessThan(40)
  await new Promise<void>(inTurn)
  expect(order).toEqual(Array.from({ length: 40 }, (_, task) => task))
  expect(turns).toBeGreaterThan(4)
})

test('a task may ask for another one', async () => {
  const order: string[] = []
  inTurn(() => {
    busy(10)
    inTurn(() => order.push('inner'))
    inTurn(() => order.push('last'))
  })
  expect(order).toEqual([])
  await new Promise<void>(inTurn)
  expect(order).toEqual(['inner', 'last'])
})

test.runIf(process.platform === 'linux')(
  'one look at the send queues is answered over several turns',
  async () => {
    const turns = mostInOneTurn()
    const ask = (): Promise<number> => {
      const socket = new Socket()
      vi.spyOn(socket, 'remoteAddress', 'get').mockReturnValue('127.0.0.1')
      vi.spyOn(socket, 'localAddress', 'get').mockImplementation(() => {
        turns.count()
        return busy(1) as undefined
      })
      return sendQueueBytes(socket)
    }
    expect(await Promise.all(Array.from({ length: 40 }, ask))).toEqual(Array(40).fill(0))
    expect(turns.most).toBeLessThan(20)
  },
)

test('clients that all are gone at once have their upstreams reset over several turns', async () => {
  const { target } = await upstream(echo)
  let ended = 0
  const server = createRelayServer({ upstream: dialer(target), onClose: () => ended++ })
  await server.listen('127.0.0.1:0')
  onTestFinished(() => server.close({ graceMs: 0 }))
  const clients = await Promise.all(Array.from({ length: 40 }, () => client(server.address)))
  for (const peer of clients) {
    await peer.write('x')
    await peer.arrived(1)
  }
  const reset = Socket.prototype.resetAndDestroy
  const turns = mostInOneTurn()
  let resets = 0
  const spy = vi.spyOn(Socket.prototype, 'resetAndDestroy').mockImplementation(function (this: Socket) {
    if (this.remotePort === target.port) {
      resets++
      turns.count()
      busy(1)
    }
    return reset.call(this)
  })
  onTestFinished(() => spy.mockRestore())
  for (const peer of clients) peer.reset()
  await vi.waitFor(() => expect(ended).toBe(40), 10_000)
  expect(resets).toBe(40)
  expect(turns.most).toBeLessThan(20)
})
