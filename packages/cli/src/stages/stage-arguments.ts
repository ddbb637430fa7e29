import { inspect } from 'node:util'
import { type BuiltIn, syntaxOf } from './built-in.js'

/**
 * The values of what is written behind a built-in's name: `1MiB/s,burst=64KiB`. Only the first has no name before it.
 *
 * **Fails** with an error that names the stage and the argument, and says what is accepted.
 */
export function parseStageArguments(stage: BuiltIn, written: string | undefined): Record<string, unknown> {
  const { name, parameters, verbatim } = stage
  const values: Record<string, unknown> = {}
  const parts = written === undefined ? [] : verbatim ? [written] : written.split(',')
  for (const [index, part] of parts.entries()) {
    const [key, text] = assignment(stage, part, index)
    if (key in values) throw new TypeError(`${name}: ${key}: expected one value, got ${inspect(text)} too`)
    try {
      values[key] = parameters[key]?.parse(text)
    } catch (error) {
      throw new TypeError(`${name}: ${key}: ${(error as Error).message}`)
    }
  }
  for (const [key, { preset }] of Object.entries(parameters)) {
    if (preset !== undefined || key in values) continue
    throw new TypeError(`${name}: ${key}: expected ${syntaxOf(stage)}, got ${inspect(name)}`)
  }
  return values
}

/** The argument that a part is for, and its text. */
function assignment({ name, parameters }: BuiltIn, part: string, index: number): [string, string] {
  const [first, ...others] = Object.keys(parameters)
  if (first !== undefined && index === 0) return [first, part]
  const [key = '', ...text] = part.split('=')
  if (others.includes(key) && text.length > 0) return [key, text.join('=')]
  const accepted = others.map((other) => `${other}=…`).join(' or ')
  const expected = accepted || (first === undefined ? 'no argument' : `${first} alone`)
  throw new TypeError(`${name}: expected ${expected}, got ${inspect(part)}`)
}
