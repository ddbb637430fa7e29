/** What `npm run bench` was asked for. */
export interface Arguments {
  readonly help: boolean
  /** Ids of workloads; all when `undefined`. */
  readonly only: readonly string[] | undefined
  /** Ids of peers to measure beside ours; all when `undefined`. */
  readonly peers: readonly string[] | undefined
  readonly rounds: number
  readonly seconds: number
  readonly json: boolean
  readonly write: boolean
  /** Measure the relay of another checkout and this one's, and nothing else. */
  readonly comparison: Comparison | undefined
}

/** With what this checkout's relay is compared, and how. */
export interface Comparison {
  /** The folder of the other checkout. */
  readonly against: string
  readonly pairs: number
  /** For both relays. */
  readonly flags: readonly string[]
}

/** It was called wrongly; the message names the flag, its value and what is accepted. */
export class UsageError extends Error {}

const WITH_VALUE = ['--only', '--peers', '--rounds', '--seconds', '--against', '--pairs', '--flags']
const WITHOUT_VALUE = ['--json', '--write', '--help']
const OF_A_REPORT = ['--peers', '--rounds', '--write']
const OF_A_COMPARISON = ['--pairs', '--flags']

/** What may be named. */
interface Known {
  readonly workloads: readonly string[]
  /** The workloads of a comparison. */
  readonly compared: readonly string[]
  readonly peers: readonly string[]
}

/** Reads the arguments. **Fails** with a {@link UsageError}. */
export function parseArguments(argv: readonly string[], known: Known): Arguments {
  const given = new Map<string, string>()
  const rest = [...argv]
  for (let flag = rest.shift(); flag !== undefined; flag = rest.shift()) {
    if (WITHOUT_VALUE.includes(flag)) {
      given.set(flag, '')
    } else if (WITH_VALUE.includes(flag)) {
      const value = rest.shift()
      if (value === undefined) throw new UsageError(`${flag}: expected a value, got none`)
      given.set(flag, value)
    } else {
      throw new UsageError(`'${flag}': expected one of ${[...WITH_VALUE, ...WITHOUT_VALUE].join(', ')}`)
    }
  }
  const comparison = comparisonOf(given)
  const only = namesOf('--only', given.get('--only'), comparison ? known.compared : known.workloads)
  const peers = namesOf('--peers', given.get('--peers'), known.peers)
  const json = given.has('--json')
  // What was measured in part does not take the place of the whole.
  const whole = only === undefined && peers === undefined && !json && !comparison
  return {
    help: given.has('--help'),
    only,
    peers,
    rounds: wholeNumber('--rounds', given.get('--rounds'), 5, 100),
    seconds: wholeNumber('--seconds', given.get('--seconds'), 2, 600),
    json,
    write: whole || given.has('--write'),
    comparison,
  }
}

function comparisonOf(given: ReadonlyMap<string, string>): Comparison | undefined {
  const against = given.get('--against')
  for (const flag of against === undefined ? OF_A_COMPARISON : OF_A_REPORT) {
    if (given.has(flag)) {
      throw new UsageError(`${flag}: ${against === undefined ? 'needs' : 'does not go with'} --against`)
    }
  }
  if (against === undefined) return undefined
  return {
    against,
    pairs: wholeNumber('--pairs', given.get('--pairs'), 10, 100),
    flags: given.get('--flags')?.match(/\S+/g) ?? [],
  }
}

function namesOf(
  flag: string,
  text: string | undefined,
  known: readonly string[],
): readonly string[] | undefined {
  if (text === undefined) return undefined
  const names = text.split(',')
  for (const name of names) {
    if (!known.includes(name)) throw new UsageError(`${flag} '${name}': expected ${known.join(', ')}`)
  }
  return names
}

function wholeNumber(flag: string, text: string | undefined, preset: number, max: number): number {
  if (text === undefined) return preset
  const number = Number(text)
  if (/^\d+$/.test(text) && number >= 1 && number <= max) return number
  throw new UsageError(`${flag} '${text}': expected a whole number from 1 to ${max}`)
}
