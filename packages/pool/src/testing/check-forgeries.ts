import type { ReuseRule } from '@relay/core'
import { bytewise } from './check-exchanges.js'
import { bytesOf, type Forgery, nameOf, type Sample } from './exchange.js'
import { random } from './random.js'
import { Trial } from './trial.js'

/** Answers that nobody asked for: before any request, doubled, a byte too long, to half a request. */
export function checkSurplus(rule: ReuseRule, samples: readonly Sample[]): void {
  for (const sample of samples.filter(({ leaves, reply }) => leaves !== 'tainted' && reply.length > 0)) {
    const { name, request, reply } = sample
    const early = new Trial(rule, `the reply of ${name} before any request`)
    early.down(reply, false)
    early.expectNotKept('after an answer to nothing')
    retry(early, sample)

    for (const extra of [reply, ...surplusBytes(reply)]) {
      const what = extra === reply ? 'its reply again' : `the byte ${extra.toString('hex')}`
      const together = new Trial(rule, `exchange ${name} and ${what}, in one piece`)
      together.up(request)
      together.down(Buffer.concat([reply, extra]), false)
      together.expectNotKept('after bytes that answer nothing')
      retry(together, sample)

      const apart = new Trial(rule, `exchange ${name} and ${what}, in a piece of its own`)
      apart.up(request)
      apart.down(reply, true)
      apart.down(extra, false)
      apart.expectNotKept('after bytes that answer nothing')
      retry(apart, sample)
    }

    for (let at = 1; at < request.length; at++) {
      const half = new Trial(rule, `the reply of ${name} to the first ${at} bytes of its request`)
      half.up(request.subarray(0, at))
      half.down(reply)
      half.expectNotKept('after an answer to half a request')
      half.up(request.subarray(at))
      half.expectNotKept('when the rest of the request was sent')
      half.down(reply)
      half.expectNotKept('when it was answered again')
    }
  }
}

/** The connection stays what it has become. */
function retry(trial: Trial, { request, reply }: Sample): void {
  trial.up(request)
  trial.expectNotKept('after one more request')
  trial.down(reply)
  trial.expectNotKept('after one more exchange')
}

function surplusBytes(reply: Buffer): Buffer[] {
  return [...new Set([0x00, 0x0a, 0x0d, 0x20, 0xff, reply[0] as number])].map((byte) => Buffer.from([byte]))
}

/** What must not be kept, whole and byte by byte; and what taints, also for good. */
export function checkForged(rule: ReuseRule, samples: readonly Sample[], forged: readonly Forgery[]): void {
  const cases = [
    ...forged.map((one) => ({ name: one.name, request: bytesOf(one.request), reply: bytesOf(one.reply) })),
    ...samples.filter(({ leaves }) => leaves === 'tainted'),
  ]
  const good = samples.find(({ leaves }) => leaves === 'idle')
  for (const { name, request, reply } of cases) {
    const title = `forged ${nameOf(name, request.length > 0 ? request : reply)}`
    for (const cut of [(bytes: Buffer) => [bytes], bytewise]) {
      const trial = new Trial(rule, `${title}, ${cut === bytewise ? 'byte by byte' : 'whole'}`)
      for (const piece of cut(request)) trial.up(piece)
      if (request.length > 0) trial.expectNotKept('after the request')
      for (const piece of cut(reply)) trial.down(piece)
      trial.expectNotKept('after the reply')
      if (good !== undefined) retry(trial, good)
    }
  }
}

/** The most CPU time that one flood has cost. */
export interface FloodCost {
  wholeMs: number
  byteWiseMs: number
}

/** Of how many samples the beginnings are flooded byte by byte, too. */
const BYTE_WISE_STARTS = 3

interface Flood {
  readonly up: readonly Buffer[]
  readonly down: readonly Buffer[]
}

/**
 * Garbage in each direction, in one chunk and byte by byte: on a fresh connection, in the middle of each request, and as the answer to
 * each. Bytes of every value, and bytes out of the exchanges themselves, which come further.
 */
export function checkFloods(
  rule: ReuseRule,
  samples: readonly Sample[],
  bytes: number,
  seed: number,
): FloodCost {
  const { int, bytes: garbage } = random(seed)
  const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
  const likely = Buffer.concat(samples.flatMap(({ request, reply }) => [request, reply]))
  const starts = samples.flatMap(({ request, reply }) => [
    { up: request.subarray(0, int(request.length)), down: reply.subarray(0, 0) },
    { up: request, down: reply.subarray(0, int(reply.length)) },
  ])
  starts.unshift({ up: every.subarray(0, 0), down: every.subarray(0, 0) })

  const cost: FloodCost = { wholeMs: 0, byteWiseMs: 0 }
  for (const alphabet of [every, likely]) {
    const up = garbage(bytes, alphabet)
    const down = garbage(bytes, alphabet)
    const whole: Flood = { up: [up], down: [down] }
    const byteWise: Flood = { up: bytewise(up), down: bytewise(down) }
    starts.forEach((start, index) => {
      const open = (how: string): Trial => {
        const trial = new Trial(rule, `${bytes} bytes of garbage, ${how} (seed ${seed})`)
        trial.up(start.up)
        if (start.down.length > 0) trial.down(start.down)
        return trial
      }
      cost.wholeMs = Math.max(
        cost.wholeMs,
        flood(() => open('in one piece'), whole),
      )
      if (index >= BYTE_WISE_STARTS) return
      cost.byteWiseMs = Math.max(
        cost.byteWiseMs,
        flood(() => open('byte by byte'), byteWise),
      )
    })
  }
  return cost
}

/** Floods one direction, the other, and one after the other; returns the most CPU milliseconds that one of them took. */
function flood(open: () => Trial, pieces: Flood): number {
  let most = 0
  for (const order of [['up'], ['down'], ['up', 'down'], ['down', 'up']] as const) {
    const trial = open()
    for (const direction of order) {
      const before = process.cpuUsage()
      for (const piece of pieces[direction]) trial[direction](piece)
      const { user, system } = process.cpuUsage(before)
      most = Math.max(most, (user + system) / 1_000)
      trial.expectNotKept(`after the garbage ${direction}`)
    }
  }
  return most
}
