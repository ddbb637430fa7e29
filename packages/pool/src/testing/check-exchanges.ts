import type { ProofState, ReuseProof, ReuseRule } from '@relay/core'
import type { Sample } from './exchange.js'
import { random } from './random.js'
import { Trial } from './trial.js'

/** Each exchange on its own, cut at every byte of both directions, and byte by byte. */
export function checkSplits(rule: ReuseRule, samples: readonly Sample[]): void {
  for (const sample of samples) {
    const { name, request, reply } = sample
    for (let at = 0; at <= request.length; at++) {
      const trial = new Trial(rule, `exchange ${name}, request cut at ${at}`)
      ask(trial, sample, [request.subarray(0, at), request.subarray(at)])
      answer(trial, sample, [reply])
    }
    for (let at = 0; at <= reply.length; at++) {
      const trial = new Trial(rule, `exchange ${name}, reply cut at ${at}`)
      ask(trial, sample, [request])
      answer(trial, sample, [reply.subarray(0, at), reply.subarray(at)])
    }
    const trial = new Trial(rule, `exchange ${name}, byte by byte`)
    ask(trial, sample, bytewise(request))
    answer(trial, sample, bytewise(reply))
  }
}

function ask(trial: Trial, { request, reply, leaves }: Sample, pieces: readonly Buffer[]): void {
  let sent = 0
  for (const piece of pieces) {
    trial.up(piece)
    sent += piece.length
    const after: ProofState = reply.length === 0 ? leaves : 'busy'
    const whole: ProofState = sent === request.length ? after : sent === 0 ? 'idle' : 'partial'
    const when = `after ${sent} of the request's ${request.length} bytes`
    if (leaves === 'tainted') trial.expect(when, whole, 'tainted')
    else trial.expect(when, whole)
  }
}

function answer(trial: Trial, { reply, leaves }: Sample, pieces: readonly Buffer[]): void {
  let received = 0
  for (const piece of pieces) {
    trial.down(piece, true)
    received += piece.length
    const when = `after ${received} of the reply's ${reply.length} bytes`
    if (received === reply.length) trial.expect(when, leaves)
    else if (leaves === 'tainted') trial.expect(when, 'busy', 'tainted')
    else trial.expect(when, 'busy')
  }
}

/** All exchanges that leave nothing in one row, cut at every byte; and each answered while the next one is half sent. */
export function checkPipelines(rule: ReuseRule, samples: readonly Sample[]): void {
  const row = samples.filter(({ leaves }) => leaves === 'idle')
  const requests = Buffer.concat(row.map(({ request }) => request))
  const replies = Buffer.concat(row.map(({ reply }) => reply))
  const ends = endsOf(row.map(({ request }) => request))
  for (let at = 0; at <= requests.length; at++) {
    const trial = new Trial(rule, `pipelined requests cut at ${at}`)
    trial.up(requests.subarray(0, at))
    trial.expect('between the pieces', at === 0 ? 'idle' : ends.has(at) ? 'busy' : 'partial')
    trial.up(requests.subarray(at))
    trial.expect('after all requests', row.length === 0 ? 'idle' : 'busy')
    trial.down(replies, true)
    trial.expect('after all replies', 'idle')
  }
  for (let at = 0; at < replies.length; at++) {
    const trial = new Trial(rule, `pipelined replies cut at ${at}`)
    trial.up(requests)
    trial.down(replies.subarray(0, at), true)
    trial.expect('between the pieces', 'busy')
    trial.down(replies.subarray(at), true)
    trial.expect('after all replies', 'idle')
  }
  row.forEach((sample, index) => {
    const next = row[(index + 1) % row.length] as Sample
    for (let at = 0; at <= next.request.length; at++) {
      const trial = new Trial(rule, `${sample.name} answered while ${next.name} is sent up to ${at}`)
      const half = at === 0 ? 'idle' : at < next.request.length ? 'partial' : 'busy'
      trial.up(Buffer.concat([sample.request, next.request.subarray(0, at)]))
      trial.expect('before the first reply', half === 'partial' ? 'partial' : 'busy')
      trial.down(sample.reply, true)
      trial.expect('after the first reply', half)
      trial.up(next.request.subarray(at))
      trial.down(next.reply, true)
      trial.expect('after both replies', 'idle')
    }
  })
}

/** What a dirty connection is cleaned with: not clean before the last byte of the answer. */
export function checkReset(rule: ReuseRule, samples: readonly Sample[], reply: Buffer): void {
  const send = rule.reset?.send
  if (send === undefined) throw new TypeError(`rule "${rule.name}": has no reset to check`)
  for (const sample of samples.filter(({ leaves }) => leaves === 'dirty')) {
    checkResetAfter(rule, sample, 'the reset', () => send, reply)
    if (sample.resetReply === undefined) continue
    checkResetAfter(rule, sample, 'its own reset', (proof) => proof.reset?.(), sample.resetReply)
  }
}

function checkResetAfter(
  rule: ReuseRule,
  sample: Sample,
  what: string,
  resetOf: (proof: ReuseProof) => Buffer | undefined,
  reply: Buffer,
): void {
  for (let at = 0; at < reply.length; at++) {
    const trial = new Trial(rule, `exchange ${sample.name} and ${what}, its reply cut at ${at}`)
    trial.up(sample.request)
    trial.down(sample.reply, true)
    const send = resetOf(trial.proof)
    if (send === undefined) return trial.fail('expected the proof to have a reset of its own')
    // A proof may have learned that there is none.
    if (send.length === 0) return
    trial.up(send)
    trial.expect('after the reset was sent', 'busy')
    trial.down(reply.subarray(0, at), true)
    trial.expect('between the pieces', 'busy')
    trial.down(reply.subarray(at), true)
    trial.expect('after the reset was answered', 'idle')
  }
}

/** A reset that was not answered as it must be, whole and byte by byte: its connection is not clean. */
export function checkRefusedResets(
  rule: ReuseRule,
  samples: readonly Sample[],
  refusals: readonly Buffer[],
): void {
  const send = rule.reset?.send
  if (send === undefined) throw new TypeError(`rule "${rule.name}": has no reset to refuse`)
  for (const sample of samples.filter(({ leaves }) => leaves === 'dirty')) {
    for (const refusal of refusals) {
      for (const pieces of [[refusal], bytewise(refusal)]) {
        const trial = new Trial(rule, `exchange ${sample.name} and a reset that is refused`)
        trial.up(sample.request)
        trial.down(sample.reply, true)
        trial.up(send)
        for (const piece of pieces) trial.down(piece)
        trial.expect('after the reset was refused', 'busy', 'partial', 'dirty', 'tainted')
      }
    }
  }
}

/** One connection over many leases: a few exchanges each, in pieces as they come, the replies while requests are still being sent. */
export function checkLeases(rule: ReuseRule, samples: readonly Sample[], leases: number, seed: number): void {
  const row = samples.filter(({ leaves }) => leaves === 'idle')
  if (row.length === 0) return
  const { int, pieces } = random(seed)
  const trial = new Trial(rule, `many leases on one connection (seed ${seed})`)
  for (let lease = 1; lease <= leases; lease++) {
    const picked = Array.from({ length: 1 + int(4) }, () => row[int(row.length)] as Sample)
    let unanswered: Buffer[] = []
    for (const { request, reply } of picked) {
      for (const piece of pieces(request, 4)) {
        trial.up(piece)
        // Whoever has sent its request whole may be answered now.
        if (int(3) === 0) unanswered = feed(trial, unanswered)
      }
      unanswered.push(...pieces(reply, 4))
    }
    feed(trial, unanswered)
    trial.expect(`after lease ${lease}`, 'idle')
  }
}

function feed(trial: Trial, pieces: readonly Buffer[]): Buffer[] {
  for (const piece of pieces) trial.down(piece, true)
  return []
}

function endsOf(parts: readonly Buffer[]): Set<number> {
  let end = 0
  return new Set(parts.map((part) => (end += part.length)))
}

export function bytewise(bytes: Buffer): Buffer[] {
  return Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))
}
