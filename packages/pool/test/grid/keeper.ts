import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { renameSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import type { Address } from '@relay/core'

interface Kept {
  readonly address: Address
  back(): Promise<object>
}

/**
 * A process that holds listening sockets for us, and accepts nobody: the kernel answers as long as the queue has room, and is silent
 * when it is full, as a machine that is gone. A listener in our own process accepts whatever comes.
 */
export class Keeper {
  readonly #child: ChildProcess = fork(new URL('./keeper.mjs', import.meta.url), { execArgv: [] })
  #next = 0

  /** Has a listener held; what it is listening with is ours again by `back`. @param backlog - One more than that fit into the queue. */
  async keep(at: Address, backlog: number): Promise<Kept> {
    const isUnix = 'path' in at
    const server = createServer().listen({ ...(isUnix ? { path: `${at.path}-kept` } : at), backlog })
    await once(server, 'listening')
    const address = isUnix ? at : { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
    // A server that is closed removes the file it was made with.
    if (isUnix) renameSync(`${at.path}-kept`, at.path)
    const key = ++this.#next
    // The bare handle: of a `Server` the child would accept at once.
    this.#child.send({ keep: key }, Reflect.get(server, '_handle'))
    await once(this.#child, 'message')
    server.close()
    await once(server, 'close')
    return {
      address,
      back: async () => {
        this.#child.send({ back: key })
        const [, handle] = await once(this.#child, 'message')
        return handle
      },
    }
  }

  async close(): Promise<void> {
    const exited = once(this.#child, 'exit')
    this.#child.disconnect()
    await exited
  }
}
