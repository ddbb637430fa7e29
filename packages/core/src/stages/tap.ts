import { checkOptions, checkValue, func, oneOf, text } from '../options.js'
import type { Direction, Stage, StageContext, StepFunction } from '../stage.js'

export interface TapOptions {
  /** Gets whole lines, each ending in a newline: printable ASCII, whatever passes. */
  readonly write: (lines: string) => void
  /** @default 'text' */
  readonly format?: 'text' | 'hex' | undefined
  /**
   * What is shown instead of a chunk, nothing if that is empty; what passes is not changed. A secret can be cut by the end of a
   * chunk.
   * @default the chunk itself
   */
  readonly redact?: ((chunk: Buffer, direction: Direction) => Buffer) | undefined
  /** @default 'tap' */
  readonly name?: string | undefined
}

/**
 * Shows what passes, as text or in hex, and lets it pass as it is. A line names its session and direction (`>` up, `<` down), and
 * never holds bytes of two.
 */
export function tap(options: TapOptions): Stage {
  checkOptions('tap', options, { write: func, format: oneOf('text', 'hex'), redact: func, name: text })
  checkValue('tap', 'write', options.write, func)
  const { write, format = 'text', redact, name = 'tap' } = options
  const shown = ({ direction, session }: StageContext): StepFunction => {
    const prefix = `${session.id} ${direction === 'up' ? '>' : '<'} `
    let offset = 0
    return (chunk) => {
      const bytes = redact === undefined ? chunk : redact(Buffer.from(chunk), direction)
      if (bytes.length > 0) {
        write(format === 'hex' ? hexLines(prefix, bytes, offset) : textLines(prefix, bytes))
      }
      offset += chunk.length
      return chunk
    }
  }
  return { name, up: shown, down: shown }
}

const NAMED: Readonly<Record<number, string>> = { 9: '\\t', 13: '\\r', 92: '\\\\' }
const PAIRS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
const SHOWN = PAIRS.map((pair, byte) => NAMED[byte] ?? `\\x${pair}`)

// A line for each newline in what passes, which it shows; one without is not at its end yet.
function textLines(prefix: string, bytes: Buffer): string {
  const rows = bytes.toString('latin1').split('\n').map(escaped)
  const rest = rows.pop()
  const lines = rows.map((row) => `${prefix}${row}\\n\n`).join('')
  return rest === '' ? lines : `${lines}${prefix}${rest}\n`
}

function escaped(text: string): string {
  return text.replace(/[^ -[\]-~]/g, (char) => SHOWN[char.charCodeAt(0)] ?? '')
}

const ROW_BYTES = 16

function hexLines(prefix: string, bytes: Buffer, offset: number): string {
  const letters = bytes.toString('latin1').replace(/[^ -~]/g, '.')
  let lines = ''
  for (let start = 0; start < bytes.length; start += ROW_BYTES) {
    const end = Math.min(start + ROW_BYTES, bytes.length)
    let numbers = ''
    for (let index = start; index < end; index++) {
      numbers += `${index - start === ROW_BYTES / 2 ? '  ' : ' '}${PAIRS[bytes[index] ?? 0]}`
    }
    const at = (offset + start).toString(16).padStart(8, '0')
    lines += `${prefix}${at} ${numbers.padEnd(ROW_BYTES * 3 + 1)}  |${letters.slice(start, end)}|\n`
  }
  return lines
}
