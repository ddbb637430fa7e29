import { describe, expect, it } from 'vitest'
import { parseArguments, UsageError } from '../src/arguments.js'

const known = { workloads: ['bulk', 'pools'], compared: ['bulk', 'idle'], peers: ['haproxy', 'pipe'] }
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
      comparison: undefined,
    })
  })

  it('name parts by commas, and a part is not written down', () => {
    expect(parse('--only', 'bulk,pools', '--peers', 'pipe')).toMatchObject({
      only: ['bulk', 'pools'],
      peers: ['pipe'],
      write: false,
    })
    expect(parse('--json').write).toBe(false)
    expect(parse('--only', 'bulk', '--write').write).toBe(true)
  })

  it('compare with another checkout, in ten pairs unless told, and write no document', () => {
    expect(parse('--against', '../old')).toMatchObject({
      comparison: { against: '../old', pairs: 10, flags: [] },
      write: false,
    })
    const argv = ['--against', '../old', '--pairs', '3', '--flags', ' --prewarm  64', '--only', 'idle']
    expect(parse(...argv)).toMatchObject({
      comparison: { pairs: 3, flags: ['--prewarm', '64'] },
      only: ['idle'],
    })
  })

  it.each([
    [['--only', 'bulk,idel'], "--only 'idel': expected bulk, pools"],
    [['--peers', ''], "--peers '': expected haproxy, pipe"],
    [['--rounds', '0'], "--rounds '0': expected a whole number from 1 to 100"],
    [['--rounds', '1e1'], "--rounds '1e1': expected a whole number from 1 to 100"],
    [['--seconds', '2.5'], "--seconds '2.5': expected a whole number from 1 to 600"],
    [['--seconds'], '--seconds: expected a value, got none'],
    [['--pairs', '3'], '--pairs: needs --against'],
    [['--flags', '-v'], '--flags: needs --against'],
    [['--against', 'x', '--pairs', '0'], "--pairs '0': expected a whole number from 1 to 100"],
    [['--against', 'x', '--rounds', '3'], '--rounds: does not go with --against'],
    [['--against', 'x', '--write'], '--write: does not go with --against'],
    [['--against', 'x', '--only', 'pools'], "--only 'pools': expected bulk, idle"],
    [
      ['--fast'],
      "'--fast': expected one of --only, --peers, --rounds, --seconds, --against, --pairs, --flags, --json, --write, --help",
    ],
  ])('fail in one line for %j', (argv, message) => {
    expect(() => parse(...argv)).toThrow(new UsageError(message))
  })
})
