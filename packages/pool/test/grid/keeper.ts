import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * A process that holds listening sockets for us, and accepts nobody: the kernel answers as long as the queue has room, and is silent
 * when it is full, as a machine that is gone. A listener in our own process accepts whatever comes.
 */
export class Keeper {
  readonly #child: ChildProcess = fork(new URL('./keeper.mjs', import.meta.url), { execArgv: [] })
  #next = 0

  /** Has a listener held; it is ours again by `back`. @param backlog - One more than that fit into the queue. */
  async keep(backlog: number): Promise<{ readonly port: number; back(): Promise<object> }> {
    const server = createServer().listen({ host: '127.0.0.1', port: 0, backlog })
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const key = ++this.#next
    // The bare handle: of a `Server` the child would accept at once.
    this.#child.send({ keep: key }, Reflect.get(server, '_handle'))
    await once(this.#child, 'message')
    server.close()
    await once(server, 'close')
    return {
      port,
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
