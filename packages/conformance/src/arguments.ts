import { type Address, parseAddress } from './address.js'
import type { Deadlines } from './deadlines.js'

export const USAGE = `npm run conformance -- <listen> <upstream> [options]   hold a running relay to every claim
npm run conformance -- --peers                         do so with every relay on this machine, and write docs/conformance.md

  <listen>             where the relay under test accepts: host:port, [::1]:port, or a port of 127.0.0.1
  <upstream>           where it connects to; this program listens there itself, and plays the server
  --only <text>        only the cases whose id contains it
  --jobs <n>           cases at once (default: 4)
  --idle <ms>          the relay has this idle timeout: run the cases about deadlines instead
  --max-duration <ms>  the relay lets no session live longer: the same
  --json               one JSON object instead of a table
  --help               this text
`

export type Arguments =
  | { readonly mode: 'help' }
  | { readonly mode: 'peers'; readonly only: string; readonly jobs: number; readonly json: boolean }
  | {
      readonly mode: 'run'
      readonly listen: Address
      readonly upstream: Address
      readonly only: string
      readonly jobs: number
      readonly json: boolean
      readonly deadlines: Deadlines
    }

/** It was called wrongly; the message says how it can be called. */
export class UsageError extends Error {}

const VALUES = ['--only', '--jobs', '--idle', '--max-duration']
const FLAGS = ['--peers', '--json', '--help']

export function parseArguments(argv: readonly string[]): Arguments {
  const words: string[] = []
  const values = new Map<string, string>()
  const rest = [...argv]
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (!word.startsWith('--')) {
      words.push(word)
    } else if (FLAGS.includes(word)) {
      values.set(word, '')
    } else if (VALUES.includes(word)) {
      const value = rest.shift()
      if (value === undefined) throw new UsageError(`${word}: a value is missing`)
      values.set(word, value)
    } else {
      throw new UsageError(`${word}: expected one of ${[...VALUES, ...FLAGS].join(', ')}`)
    }
  }
  if (values.has('--help')) return { mode: 'help' }
  const common = {
    only: values.get('--only') ?? '',
    jobs: wholeNumber(values, '--jobs') ?? 4,
    json: values.has('--json'),
  }
  if (values.has('--peers')) {
    if (words.length > 0) throw new UsageError(`${words[0]}: --peers takes no address`)
    return { mode: 'peers', ...common }
  }
  if (words.length !== 2)
    throw new UsageError(`expected two addresses, <listen> and <upstream>, not ${words.length}`)
  const [listen, upstream] = words.map(address) as [Address, Address]
  const deadlines = {
    idleMs: wholeNumber(values, '--idle'),
    maxDurationMs: wholeNumber(values, '--max-duration'),
  }
  return { mode: 'run', listen, upstream, deadlines, ...common }
}

function address(text: string): Address {
  const parsed = parseAddress(text)
  if (parsed === undefined) throw new UsageError(`${text}: expected host:port, [::1]:port or a port`)
  return parsed
}

function wholeNumber(values: ReadonlyMap<string, string>, name: string): number | undefined {
  const text = values.get(name)
  if (text === undefined) return undefined
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new UsageError(`${name} ${text}: expected a whole number above 0`)
  return Number(text)
}
