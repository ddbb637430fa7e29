import { PoolError } from './errors.js'
import type { PoolLease } from './lease.js'
import type { PooledConnection } from './pooled-connection.js'
import { UpstreamRoom } from './upstream-room.js'

const FIRST_ASK_MS = 1_000

export interface RoomHost {
  /** Idle connections that nobody has used. */
  unused(): readonly PooledConnection[]
  /** Closes them. */
  clear(): void
  /** One more connection; fails when there is no slot for it. */
  guest(signal: AbortSignal): Promise<PoolLease<PooledConnection>>
  dialMs(): number
  /** More, or fewer, connections may be open than before. */
  changed(): void
}

/**
 * Asks an upstream for its {@link UpstreamRoom}: sends the guests, and waits for what becomes of them.
 *
 * The guest is a lease of the pool like any other, and takes a slot. It is given back, discarded, before the next one is sent.
 */
export class RoomQuestions {
  readonly room: UpstreamRoom = new UpstreamRoom()
  readonly #host: RoomHost
  readonly #stopped = new AbortController()
  #timer: NodeJS.Timeout | undefined

  constructor(host: RoomHost) {
    this.#host = host
  }

  /** A connection is idle that was opened ahead, or about to be. */
  opened(): void {
    const { room } = this
    if (room.holdsBack) return void setImmediate(() => this.#clear())
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined
        this.#ask('idle')
      },
      room.trying ? 0 : FIRST_ASK_MS,
    ).unref()
  }

  /** A client waits longer than usual for its first answer. */
  late(): void {
    this.#ask('late')
  }

  /** A client has used a connection. */
  used(): void {
    if (!this.room.used()) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#host.changed()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#stopped.abort(new PoolError('ERR_POOL_CLOSED', 'The pool is closed'))
  }

  #clear(): void {
    if (this.room.holdsBack) this.#host.clear()
  }

  #ask(cause: 'idle' | 'late'): void {
    const unused = this.#host.unused()
    // An upstream that has greeted the last one of them serves them all.
    if (cause === 'idle' && unused.at(-1)?.greeted) return
    if (!this.#stopped.signal.aborted && this.room.ask(cause, unused.length)) void this.#sendGuest()
  }

  async #sendGuest(): Promise<void> {
    const { room } = this
    const over = new AbortController()
    const signal = AbortSignal.any([this.#stopped.signal, over.signal])
    const noticed = this.#notice(signal)
    try {
      let patienceMs = room.patienceMs(this.#host.dialMs())
      while (!(await settledWithin(noticed, patienceMs))) {
        room.unnoticed()
        if (!room.holdsBack) return
        this.#host.clear()
        if (room.crowded) return
        patienceMs = room.patienceMs(this.#host.dialMs())
      }
      room.noticed()
    } catch {
      room.failed()
    } finally {
      over.abort()
      this.#clear()
      this.#host.changed()
    }
  }

  /** Resolves when the upstream has noticed the guest. */
  async #notice(signal: AbortSignal): Promise<void> {
    const lease = await this.#host.guest(signal)
    const discard = (): void => lease.discard('guest')
    if (signal.aborted) discard()
    else signal.addEventListener('abort', discard, { once: true })
    await lease.item.noticesEnd()
  }
}

/** Whether a promise resolves within a time. **Fails** as it does. */
async function settledWithin(promise: Promise<void>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, ms, false).unref()
  })
  try {
    return await Promise.race([promise.then(() => true), over])
  } finally {
    clearTimeout(timer)
  }
}
