import { formatDuration } from './duration.js'
import type { Fields, Level } from './log.js'
import { oneLine } from './one-line.js'
import { formatSize } from './size.js'

const paint = { dim: 2, warn: 33, error: 31 }

/** A log line for people: `14:02:11.123 session closed  reason=client-end up=12B down=12B duration=3ms`. */
export function humanLine(
  time: Date,
  level: Level,
  message: string,
  fields: Fields,
  colour: boolean,
): string {
  const painted = (text: string, style: keyof typeof paint): string =>
    colour ? `\u001b[${paint[style]}m${text}\u001b[0m` : text
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map((part) =>
    `${part}`.padStart(2, '0'),
  )
  const millis = `${time.getMilliseconds()}`.padStart(3, '0')
  const words = [painted(`${clock.join(':')}.${millis}`, 'dim')]
  words.push(level === 'info' ? message : painted(`${level}: ${message}`, level))
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) continue
    words.push(`${painted(`${key.replace(/Ms$/, '')}=`, 'dim')}${formatted(key, value)}`)
  }
  return words.join(' ')
}

function formatted(key: string, value: NonNullable<Fields[string]>): string {
  if (typeof value === 'object') {
    const counts = Object.entries(value).map(([name, count]) => `${name}:${count}`)
    return counts.join(',') || '-'
  }
  if (typeof value === 'number') {
    if (key.endsWith('Ms')) return formatDuration(value)
    return key === 'up' || key === 'down' ? formatSize(value) : `${value}`
  }
  const text = oneLine(value)
  return /[\s"]/.test(text) ? `"${text.replaceAll('"', '\\"')}"` : text
}
