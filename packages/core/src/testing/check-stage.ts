import { type Duplex, duplexPair } from 'node:stream'
import type { RelayResult } from '../close-reason.js'
import { relay } from '../relay.js'
import type { Direction, Stage } from '../stage.js'
import { EndingWatch } from './ending-watch.js'
import { runStage, type StageRun } from './run-stage.js'

/** Bytes that go in on one side of a stage, and what has to come out on the other. */
export interface StageExample {
  readonly direction: Direction
  readonly input: Uint8Array | string
  /** @default the input */
  readonly output?: Uint8Array | string | undefined
  /**
   * Makes of what came out what is compared with `output`, where the same can be said in many ways.
   * @default what came out
   */
  readonly decode?: ((received: Buffer) => Uint8Array) | undefined
}

export interface StageCheck {
  /** Makes the stage; called for each session. */
  readonly stage: () => Stage
  readonly examples: readonly StageExample[]
  /**
   * What the stage must refuse: each ends its session as `stage-error`.
   * @default []
   */
  readonly broken?: readonly Pick<StageExample, 'direction' | 'input'>[] | undefined
  /**
   * How many random cuts of each example are tried, beside the whole and single bytes.
   * @default 50
   */
  readonly runs?: number | undefined
  /**
   * How many bytes one direction may hold when nobody takes its output, beside what a session without the stage holds.
   * @default 262_144
   */
  readonly maxHeldBytes?: number | undefined
  /**
   * Of the cuts; a failure names it.
   * @default one of the clock
   */
  readonly seed?: number | undefined
}

/**
 * Runs a stage against what networks and sessions do to one:
 *
 * - the input of each example cut at random, in single bytes and not at all: the same comes out, and nothing is missing at its end
 * - the other direction goes on after that end
 * - a consumer that takes nothing: a bounded number of bytes is read
 * - a session cut in the middle: no timer, file or socket is left
 * - what is `broken` ends the session as `stage-error`, naming the stage
 * - a stage that cannot be opened, or that throws or rejects when its session is over, is found too
 *
 * Needs no test framework. **Fails** with an `Error` that says what was expected, and the seed.
 */
export async function checkStage(check: StageCheck): Promise<void> {
  const { seed = Date.now() % 2 ** 31, runs = 50, maxHeldBytes = 256 * 1024 } = check
  if (check.examples.length === 0) throw new TypeError('checkStage: expected "examples" to have at least one')
  const endings = new EndingWatch()
  try {
    await checkSessions({ ...check, seed, runs, maxHeldBytes }, endings)
  } finally {
    endings.stop()
  }
}

async function checkSessions(
  check: StageCheck & { readonly seed: number; readonly runs: number; readonly maxHeldBytes: number },
  endings: EndingWatch,
): Promise<void> {
  const { seed, runs, maxHeldBytes } = check
  const random = randomFrom(seed)
  // First, because what other sessions leave behind would end meanwhile, and hide what these do.
  for (const example of check.examples) {
    await checkCleanUp(check.stage, example)
    checkEndings(check.stage, example, endings)
  }
  for (const example of check.examples) {
    const input = bytesOf(example.input)
    for (const cut of [
      [input],
      singleBytes(input),
      ...Array.from({ length: runs }, () => cutAt(input, random)),
    ]) {
      await checkOutput(check.stage(), example, cut, seed)
    }
    await checkHeld(check.stage, example, maxHeldBytes)
    checkEndings(check.stage, example, endings)
  }
  for (const { direction, input } of check.broken ?? []) {
    const { result } = await run(check.stage(), direction, [bytesOf(input)])
    const { reason, stage } = result
    if (reason !== 'stage-error' || stage?.direction !== direction) {
      fail(check.stage(), direction, `expected broken input to end the session as stage-error, got ${reason}`)
    }
  }
}

async function checkOutput(
  stage: Stage,
  example: StageExample,
  cut: readonly Buffer[],
  seed: number,
): Promise<void> {
  const { direction, decode = (received) => received } = example
  const { result, ...received } = await run(stage, direction, cut)
  const lengths =
    cut.length > 20 ? `${cut.length} chunks` : `chunks of ${cut.map(({ length }) => length).join(', ')}`
  const expected = bytesOf(example.output ?? example.input)
  const { reason, error } = result
  if (reason !== 'client-end' && reason !== 'stage-end') {
    const why = error === undefined ? '' : `: ${error.message}`
    fail(stage, direction, `the session ended as ${reason} for ${lengths} (seed ${seed})${why}`, error)
  }
  const output = Buffer.from(decode(received[direction]))
  if (!output.equals(expected)) {
    const at = output.findIndex((byte, index) => byte !== expected[index])
    fail(
      stage,
      direction,
      `expected ${expected.length} bytes for ${lengths} (seed ${seed}), got ${output.length}${at < 0 ? '' : `, different from byte ${at} on`}`,
    )
  }
}

// A session whose consumer takes nothing, until its source can write no more.
async function checkHeld(
  make: () => Stage,
  { direction, input }: StageExample,
  maxHeldBytes: number,
): Promise<void> {
  const chunk = bytesOf(input)
  if (chunk.length === 0) return
  const [staged, plain] = [await stuck([make()], direction, chunk), await stuck([], direction, chunk)]
  // What is held is bounded as it came or as it goes: a stage that compresses may have read much and hold little.
  const held = Math.min(staged.taken - plain.taken, staged.given - plain.given)
  if (held > maxHeldBytes) {
    fail(make(), direction, `held ${held} bytes for a consumer that takes nothing, more than ${maxHeldBytes}`)
  }
}

const MANY_BYTES = 8 * 1024 * 1024

async function stuck(
  stages: readonly Stage[],
  direction: Direction,
  chunk: Buffer,
): Promise<{ taken: number; given: number }> {
  const { source, sink, done } = session(stages, direction)
  let taken = 0
  let given = 0
  let waiting = false
  while (taken < MANY_BYTES && !waiting && !source.destroyed) {
    taken += chunk.length
    if (source.write(chunk)) continue
    waiting = true
    source.once('drain', () => {
      waiting = false
    })
    // Asynchronous steps take their turns; a source that has not been asked for more by then will not be.
    for (let turns = 0; turns < 200 && waiting; turns++) await new Promise(setImmediate)
  }
  sink.on('data', (bytes: Buffer) => {
    given += bytes.length
  })
  // Its own end comes when somebody reads.
  source.resume().end()
  sink.end()
  await done
  for (const end of [source, sink]) end.destroy()
  return { taken, given }
}

const CUT_SESSIONS = 20

// What a cut session leaves behind would keep a process alive, or its memory. A few other things begin and end in a process meanwhile;
// what each session leaves is there for most of them.
async function checkCleanUp(make: () => Stage, { direction, input }: StageExample): Promise<void> {
  const before = resources()
  for (let cut = 0; cut < CUT_SESSIONS; cut++) {
    const { source, abort, done } = session([make()], direction)
    source.write(bytesOf(input))
    await new Promise(setImmediate)
    abort()
    const { reason, error } = await done
    // Before anything else is said of it: what it has left open is of no interest then.
    if (reason === 'stage-error') {
      fail(make(), direction, `the session ended as ${reason}: ${error?.message}`, error)
    }
  }
  for (let turns = 0; turns < 200 && leftOpen(before).length > 0; turns++) await new Promise(setImmediate)
  const left = leftOpen(before)
  if (left.length > 0) {
    fail(make(), direction, `a session that was cut has left something open: ${left.join(', ')}`)
  }
}

function checkEndings(make: () => Stage, { direction }: StageExample, { failure }: EndingWatch): void {
  if (failure === undefined) return
  fail(make(), direction, `what it does when its session is over failed: ${failure.message}`, failure)
}

function leftOpen(before: ReadonlyMap<string, number>): string[] {
  return [...resources()].flatMap(([kind, count]) =>
    count - (before.get(kind) ?? 0) >= CUT_SESSIONS / 2 ? [kind] : [],
  )
}

/** What the process has open, by its kind. */
function resources(): Map<string, number> {
  const counts = new Map<string, number>()
  for (const kind of process.getActiveResourcesInfo()) {
    if (kind !== 'Immediate') counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  return counts
}

interface Session {
  readonly source: Duplex
  readonly sink: Duplex
  readonly done: Promise<RelayResult>
  abort(): void
}

function session(stages: readonly Stage[], direction: Direction): Session {
  const [client, near] = duplexPair({ highWaterMark: 16 * 1024 })
  const [upstream, far] = duplexPair({ highWaterMark: 16 * 1024 })
  const controller = new AbortController()
  for (const end of [client, upstream]) end.on('error', () => {})
  return {
    source: direction === 'up' ? client : upstream,
    sink: direction === 'up' ? upstream : client,
    done: relay(near, far, { stages, signal: controller.signal }),
    abort: () => controller.abort(),
  }
}

function run(stage: Stage, direction: Direction, chunks: readonly Buffer[]): Promise<StageRun> {
  return runStage(stage, { [direction]: chunks })
}

function fail(stage: Stage, direction: Direction, problem: string, cause?: unknown): never {
  throw new Error(`stage "${stage.name}" (${direction}): ${problem}`, { cause })
}

function bytesOf(data: Uint8Array | string): Buffer {
  return Buffer.from(data as string)
}

function singleBytes(data: Buffer): Buffer[] {
  return Array.from(data.subarray(0, 4096), (_, at) => data.subarray(at, at + 1)).concat(
    data.length > 4096 ? [data.subarray(4096)] : [],
  )
}

function cutAt(data: Buffer, random: (below: number) => number): Buffer[] {
  const chunks: Buffer[] = []
  for (let start = 0; start < data.length; ) {
    // Mostly small pieces, sometimes the rest.
    const length = 1 + random(random(4) === 0 ? data.length - start : Math.min(64, data.length - start))
    chunks.push(data.subarray(start, start + length))
    start += length
  }
  return chunks
}

// Repeatable whole numbers (xorshift32: George Marsaglia, Xorshift RNGs, 2003).
function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}
