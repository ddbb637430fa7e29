import type { PooledConnection } from './pooled-connection.js'
import { UpstreamRoom } from './upstream-room.js'

const FIRST_ASK_MS = 1_000

export interface RoomHost {
  /** Idle connections that nobody has used, in the order of their creation. */
  unused(): readonly PooledConnection[]
  /** Closes them. */
  clear(): void
  /** Has one more opened, if the pool has room; resolves when it is, or with why it could not be. */
  openOneMore(): Promise<readonly unknown[]>
  /** Closes one as a guest: it is given to {@link RoomQuestions.seeOff}. */
  evictGuest(guest: PooledConnection): void
  dialMs(): number
  /** More, or fewer, connections may be open than before. */
  changed(): void
}

/**
 * Asks an upstream for its {@link UpstreamRoom}: sends the guests, and waits for what becomes of them.
 *
 * A guest is a connection of the pool, which has its slot until it is closed.
 */
export class RoomQuestions {
  readonly room: UpstreamRoom = new UpstreamRoom()
  readonly #host: RoomHost
  #timer: NodeJS.Timeout | undefined
  #over = (): void => {}
  #noticed = (): void => {}
  #stopped = false

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

  /** A client waits long for its first answer. */
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

  /** Says goodbye to a guest; resolves when it can be closed. */
  async seeOff(guest: PooledConnection): Promise<void> {
    const over = new Promise<void>((resolve) => {
      this.#over = resolve
    })
    if (this.#stopped) return
    await Promise.race([guest.noticesEnd().then(this.#noticed), over])
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#stopped = true
    this.#over()
  }

  #clear(): void {
    if (this.room.holdsBack) this.#host.clear()
  }

  #ask(cause: 'idle' | 'late'): void {
    const unused = this.#host.unused()
    // An upstream that has greeted the last one of them serves them all.
    if (this.#stopped || (cause === 'idle' && unused.at(-1)?.greeted)) return
    if (this.room.ask(cause, unused.length)) void this.#sendGuest()
  }

  async #sendGuest(): Promise<void> {
    const { room } = this
    const dialMs = this.#host.dialMs()
    let isOpen = false
    const noticed = this.#host.openOneMore().then((errors) => {
      isOpen = true
      return this.#notice(errors)
    })
    try {
      while (!(await settledWithin(noticed, room.patienceMs(dialMs, isOpen)))) {
        if (!room.unnoticed()) return
        this.#clear()
        this.#host.changed()
      }
      room.noticed()
    } catch {
      room.failed()
    } finally {
      this.#over()
      this.#clear()
      this.#host.changed()
    }
  }

  /** Resolves when the upstream has noticed the guest: under TLS, or with a full backlog, it may not even be opened before that. */
  async #notice(errors: readonly unknown[]): Promise<void> {
    if (errors.length > 0) throw errors[0]
    const guest = this.#host.unused().at(-1)
    if (guest === undefined) {
      if (this.room.holdsBack) return
      throw new Error('there is no connection to spare')
    }
    await new Promise<void>((resolve) => {
      this.#noticed = resolve
      this.#host.evictGuest(guest)
    })
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
