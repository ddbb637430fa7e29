import type { ReuseRule } from '@relay/core'
import type { Sample } from './exchange.js'
import { Trial } from './trial.js'

/**
 * A goodbye is found at the end of a chunk, whole, and behind any exchange; no part of it and nothing with a byte behind it is one. To
 * be asked changes nothing, and a connection to which it is sent is not kept.
 */
export function checkGoodbye(
  rule: ReuseRule,
  samples: readonly Sample[],
  request: Buffer,
  answer: Buffer,
): void {
  const befores = [Buffer.alloc(0), ...samples.map((sample) => sample.request)]
  for (const before of befores) {
    const trial = new Trial(rule, `the goodbye behind ${before.length} bytes`)
    const whole = Buffer.concat([before, request])
    const found = trial.goodbye(whole)
    if (found?.bytes !== request.length) return trial.fail(`expected a goodbye of ${request.length} bytes`)
    if (!found.answer.equals(answer)) trial.fail('expected another answer to the goodbye')
    for (let at = 1; at < request.length; at++) {
      if (trial.goodbye(whole.subarray(0, -at))) trial.fail(`took it for one without its last ${at} bytes`)
      if (trial.goodbye(request.subarray(at))) trial.fail(`took it for one without its first ${at} bytes`)
    }
    for (const byte of [0x00, 0x0a, 0x0d, 0x20]) {
      const more = Buffer.concat([whole, Buffer.from([byte])])
      if (trial.goodbye(more)) trial.fail(`took it for one with the byte ${byte} behind it`)
    }
    trial.expect('after it was asked', 'idle')
  }
  const sent = new Trial(rule, 'the goodbye that is sent')
  sent.up(request)
  sent.expectNotKept('after it was sent')
}
