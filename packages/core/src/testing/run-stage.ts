import { type Duplex, duplexPair } from 'node:stream'
import type { RelayResult } from '../close-reason.js'
import { type RelayOptions, relay } from '../relay.js'
import type { Stage } from '../stage.js'

/** What the two peers of a session do. Chunks reach the stages exactly as they are here. */
export interface StageScript {
  /** What the client sends, then FIN. @default [] */
  readonly up?: readonly (Uint8Array | string)[] | undefined
  /** What the upstream sends, then FIN, once it has seen the client's FIN. @default [] */
  readonly down?: readonly (Uint8Array | string)[] | undefined
  /** Of the session. */
  readonly options?: Omit<RelayOptions, 'stages'> | undefined
}

/** What came out. */
export interface StageRun {
  /** What the upstream received. */
  readonly up: Buffer
  /** What the client received. */
  readonly down: Buffer
  readonly result: RelayResult
}

/**
 * Runs one session through stages, in memory: the client sends and ends, then the upstream does. **Ends** when the session has.
 */
export async function runStage(
  stages: Stage | readonly Stage[],
  script: StageScript = {},
): Promise<StageRun> {
  const [client, near] = duplexPair({ highWaterMark: 16 * 1024 })
  const [upstream, far] = duplexPair({ highWaterMark: 16 * 1024 })
  const list = Array.isArray(stages) ? (stages as readonly Stage[]) : [stages as Stage]
  const result = relay(near, far, { ...script.options, stages: list })
  const received = { up: collect(upstream), down: collect(client) }
  void send(client, script.up ?? [])
  upstream.once('end', () => void send(upstream, script.down ?? []))
  const outcome = await result
  // What was cut tells the other end of such a stream nothing; what was on its way has come by then.
  await new Promise(setImmediate)
  for (const end of [client, upstream]) end.destroy()
  return { up: await received.up, down: await received.down, result: outcome }
}

async function send(stream: Duplex, chunks: readonly (Uint8Array | string)[]): Promise<void> {
  for (const chunk of chunks) {
    if (stream.destroyed) return
    if (!stream.write(chunk)) await room(stream)
  }
  stream.end()
}

function room(stream: Duplex): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done).off('close', done)
      resolve()
    }
    stream.on('drain', done).on('close', done)
  })
}

// A session that is cut destroys its streams: what came before counts.
function collect(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', () => {})
  return new Promise((resolve) => {
    const done = (): void => resolve(Buffer.concat(chunks))
    stream.once('end', done).once('close', done)
  })
}
