import { describe, expect, it } from 'vitest'
import { parseArguments, UsageError } from '../src/arguments.js'

const known = { workloads: ['bulk', 'messages'], peers: ['haproxy', 'pipe'] }
const parse = (...argv: string[]) => parseArguments(argv, known)

describe('the arguments of the bench', () => {
  it('measure everything and write it down when there are none', () => {
    expect(parse()).toEqual({
      help: false,
      only: undefined,
      peers: undefined,
      rounds: 5,
      seconds: 2,
      json: false,
      write: true,
    })
  })

  it('name parts by commas, and a part is not written down', () => {
    expect(parse('--only', 'bulk,messages', '--peers', 'pipe')).toMatchObject({
      only: ['bulk', 'messages'],
      peers: ['pipe'],
      write: false,
    })
    expect(parse('--json').write).toBe(false)
    expect(parse('--only', 'bulk', '--write').write).toBe(true)
  })

  it.each([
    [['--only', 'bulk,idel'], "--only 'idel': expected bulk, messages"],
    [['--peers', ''], "--peers '': expected haproxy, pipe"],
    [['--rounds', '0'], "--rounds '0': expected a whole number from 1 to 100"],
    [['--rounds', '1e1'], "--rounds '1e1': expected a whole number from 1 to 100"],
    [['--seconds', '2.5'], "--seconds '2.5': expected a whole number from 1 to 600"],
    [['--seconds'], '--seconds: expected a value, got none'],
    [['--fast'], "'--fast': expected one of --only, --peers, --rounds, --seconds, --json, --write, --help"],
  ])('fail in one line for %j', (argv, message) => {
    expect(() => parse(...argv)).toThrow(new UsageError(message))
  })
})
