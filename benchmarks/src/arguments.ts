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
}

/** It was called wrongly; the message names the flag, its value and what is accepted. */
export class UsageError extends Error {}

const WITH_VALUE = ['--only', '--peers', '--rounds', '--seconds']
const WITHOUT_VALUE = ['--json', '--write', '--help']

/** Reads the arguments. **Fails** with a {@link UsageError}. */
export function parseArguments(
  argv: readonly string[],
  known: { readonly workloads: readonly string[]; readonly peers: readonly string[] },
): Arguments {
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
  const only = namesOf('--only', given.get('--only'), known.workloads)
  const peers = namesOf('--peers', given.get('--peers'), known.peers)
  const json = given.has('--json')
  // What was measured in part does not take the place of the whole.
  const whole = only === undefined && peers === undefined && !json
  return {
    help: given.has('--help'),
    only,
    peers,
    rounds: wholeNumber('--rounds', given.get('--rounds'), 5, 100),
    seconds: wholeNumber('--seconds', given.get('--seconds'), 2, 600),
    json,
    write: whole || given.has('--write'),
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
