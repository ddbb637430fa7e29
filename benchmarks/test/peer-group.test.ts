import { expect, it } from 'vitest'
import { programOf, subjectsOf } from '../src/peers/peer-group.js'
import { relayProgram } from '../src/peers/relay-program.js'

it('takes the programs of the settings in the place of those that a workload names', () => {
  const programs = [relayProgram('other', 'other', [], '/other/relay.js')]
  const settings = { rounds: 1, seconds: 1, peers: undefined, programs }
  expect(subjectsOf({ ids: ['relay'], direct: true }, settings).map(({ id }) => id)).toEqual(['other'])
  expect(programOf('other', settings)).toBe(programs[0])
  expect(() => programOf('relay', settings)).toThrow('no peer relay')
})
