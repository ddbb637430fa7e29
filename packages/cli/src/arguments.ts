import { availableParallelism } from 'node:os'
import { inspect } from 'node:util'
import { Argument, Option } from 'commander'
import { Failure } from './failure.js'

// Far above any machine's processors, far below what would bring it down.
const MOST_WORKERS = 256

/** A required argument of a command; `parse` **fails** with an error that says what is accepted. */
export function argument(name: string, description: string, parse: (text: string) => unknown): Argument {
  return new Argument(`<${name}>`, description).argParser((text) => checked(`<${name}>`, text, parse))
}

/** An option with a value; its default is written as a person would write it. */
export function option(
  flags: string,
  description: string,
  parse: (text: string) => unknown,
  preset?: string,
): Option {
  const made = new Option(flags, description)
  const name = `--${made.name()}`
  if (preset !== undefined) made.default(parse(preset), preset)
  return made.argParser((text) => checked(name, text, parse))
}

/** A parser that accepts one of a few words. */
export function oneOf<Word extends string>(...words: readonly Word[]): (text: string) => Word {
  return (text) => {
    const word = words.find((known) => known === text)
    if (word !== undefined) return word
    throw new TypeError(`expected ${words.join(' or ')}, got ${inspect(text)}`)
  }
}

/** A whole number, zero included. */
export function parseCount(text: string): number {
  const count = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(count)) return count
  throw new RangeError(`expected a whole number, 0 or more, got ${inspect(text)}`)
}

/** A whole number, not zero. */
export function parsePositive(text: string): number {
  const count = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(count) && count > 0) return count
  throw new RangeError(`expected a whole number, 1 or more, got ${inspect(text)}`)
}

/** The permissions of a file, in octal. */
export function parseFileMode(text: string): number {
  if (/^0?[0-7]{3}$/.test(text)) return Number.parseInt(text, 8)
  throw new RangeError(`expected a file mode in octal, such as 660, got ${inspect(text)}`)
}

/** How many connections to open ahead. */
export function parsePrewarm(text: string): number | 'auto' {
  if (text === 'auto') return text
  if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text)
  throw new TypeError(`expected a whole number, 0 or more, or auto, got ${inspect(text)}`)
}

/** How many processes; `auto` is one for each processor that this one may use. */
export function parseWorkers(text: string): number {
  if (text === 'auto') return availableParallelism()
  const count = Number(text)
  if (/^\d+$/.test(text) && count >= 1 && count <= MOST_WORKERS) return count
  throw new RangeError(`expected a whole number from 1 to ${MOST_WORKERS}, or auto, got ${inspect(text)}`)
}

function checked<T>(name: string, text: string, parse: (text: string) => T): T {
  try {
    return parse(text)
  } catch (error) {
    throw new Failure(2, `${name}: ${(error as Error).message}`)
  }
}
