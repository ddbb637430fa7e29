// What each Redis command took: relay forward 6380 6379 --stage ./redis-latency-stage.ts (JavaScript, where Node runs no TypeScript).
// Shows names alone: no keys, no secrets. Skips pushes, knows no attributes. What is not answered exactly once ends a session's log.
import type { Stage, StepFunction } from '@relay/core'

const UNFOLLOWED = /^([PS]?(UN)?SUBSCRIBE|MONITOR|P?SYNC|CLIENT\s+REPLY)\b/i

export function redisLatency(log: (line: string) => void = console.error): Stage {
  return {
    name: 'redis-latency',
    open({ id }) {
      const asked: { name: string; at: number }[] = []
      let lost = false
      const onRequest = (type: string, head: string): void => {
        if (lost) return
        const name = /^[\w.-]+/.exec(head)?.[0] ?? 'an inline command'
        lost = type !== '*' || UNFOLLOWED.test(head)
        if (lost) log(`${id} ${name}: not followed from here on`)
        asked.push({ name, at: performance.now() })
      }
      const onReply = (type: string): void => {
        const request = lost || type === '>' ? undefined : asked.shift()
        if (request) log(`${id} ${request.name} ${(performance.now() - request.at).toFixed(3)} ms`)
      }
      return { up: () => respValues(onRequest), down: () => respValues(onReply) }
    },
  }
}
export { redisLatency as default }

/** Lets RESP pass, of either direction, and tells where each value ends: its type, and the head of the strings in it. */
function respValues(onValue: (type: string, head: string) => void): StepFunction {
  let [values, stringBytes, header, type, head] = [1, 0, '', '', '']
  const onEnd = (): void => {
    values -= 1
    if (values > 0) return
    onValue(type, head)
    ;[values, type, head] = [1, '', '']
  }
  return (chunk) => {
    for (let at = 0, end = 0; at < chunk.length; at = end) {
      if (stringBytes > 0) {
        end = Math.min(at + stringBytes, chunk.length)
        head = (head + chunk.toString('latin1', at, Math.min(end, at + 32))).slice(0, 32)
        stringBytes -= end - at
        if (stringBytes === 0) onEnd()
        continue
      }
      end = chunk.indexOf('\n', at) + 1 || chunk.length
      header = (header + chunk.toString('latin1', at, Math.min(end, at + 32))).slice(0, 32)
      if (chunk[end - 1] !== 0x0a) continue
      const [kind, count] = [header.trim().charAt(0), Number(header.slice(1))]
      header = ''
      type ||= kind
      if (/[$=!]/.test(kind) && count >= 0) stringBytes = count + 2
      else if (/[*~>%]/.test(kind) && count > 0) values += (kind === '%' ? 2 * count : count) - 1
      else if (kind !== '') onEnd()
    }
    return chunk
  }
}
