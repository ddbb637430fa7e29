/** Bytes, or text that is taken as Latin-1: one byte a character. */
export type Bytes = Buffer | string

/** One request of the protocol, and the whole answer to it. */
export interface Exchange {
  /** What a failure calls it; else the request's first bytes. */
  readonly name?: string | undefined
  readonly request: Bytes
  readonly reply: Bytes
  /**
   * The state of a fresh connection after this exchange. `'tainted'`: for what the rule must not share.
   * @default 'idle'
   */
  readonly leaves?: 'idle' | 'dirty' | 'tainted' | undefined
  /** What the server answers to the proof's own reset after it, if the proof has one. */
  readonly resetReply?: Bytes | undefined
}

/** What must never end in a connection that is kept: a broken request, a forged answer, or an answer to something else. */
export interface Forgery {
  readonly name?: string | undefined
  /** Nothing is sent by default. */
  readonly request?: Bytes | undefined
  /** Nothing comes by default. */
  readonly reply?: Bytes | undefined
}

/** An exchange as the checks use it. */
export interface Sample {
  readonly name: string
  readonly request: Buffer
  readonly reply: Buffer
  readonly leaves: 'idle' | 'dirty' | 'tainted'
  readonly resetReply: Buffer | undefined
}

export function bytesOf(bytes: Bytes | undefined): Buffer {
  return typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : (bytes ?? Buffer.alloc(0))
}

export function samplesOf(exchanges: readonly Exchange[]): Sample[] {
  return exchanges.map(({ name, request, reply, leaves = 'idle', resetReply }) => {
    const bytes = bytesOf(request)
    if (bytes.length === 0)
      throw new TypeError(`exchange ${name ?? ''}: expected a request of at least one byte`)
    return {
      name: nameOf(name, bytes),
      request: bytes,
      reply: bytesOf(reply),
      leaves,
      resetReply: resetReply === undefined ? undefined : bytesOf(resetReply),
    }
  })
}

export function nameOf(name: string | undefined, bytes: Buffer): string {
  return name ?? JSON.stringify(bytes.subarray(0, 32).toString('latin1'))
}
