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

const NEWLINE = 0x0a
const NAMED: Readonly<Record<number, string>> = { 9: '\\t', 10: '\\n', 13: '\\r', 92: '\\\\' }

// A line for each newline in what passes, which it shows; one without is not at its end yet.
function textLines(prefix: string, bytes: Buffer): string {
  let lines = prefix
  for (const [index, byte] of bytes.entries()) {
    lines += NAMED[byte] ?? (isPrintable(byte) ? String.fromCharCode(byte) : `\\x${hex(byte, 2)}`)
    if (byte === NEWLINE && index < bytes.length - 1) lines += `\n${prefix}`
  }
  return `${lines}\n`
}

const ROW_BYTES = 16

function hexLines(prefix: string, bytes: Buffer, offset: number): string {
  let lines = ''
  for (let start = 0; start < bytes.length; start += ROW_BYTES) {
    const row = Array.from(bytes.subarray(start, start + ROW_BYTES))
    const numbers = row.map((byte, index) => (index === ROW_BYTES / 2 ? ' ' : '') + hex(byte, 2)).join(' ')
    const letters = row.map((byte) => (isPrintable(byte) ? String.fromCharCode(byte) : '.')).join('')
    lines += `${prefix}${hex(offset + start, 8)}  ${numbers.padEnd(ROW_BYTES * 3)}  |${letters}|\n`
  }
  return lines
}

function isPrintable(byte: number): boolean {
  return byte >= 0x20 && byte < 0x7f
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0')
}
