import { formatAddress } from '../processes/free-port.js'
import { programFile } from '../processes/node-program.js'
import { repositoryFile } from '../repository-file.js'
import type { PeerProgram } from './peer-program.js'

/** Relays that pass bytes through something of the user's: ours as a library, and Node's `pipeline`. */
export const stagePrograms: readonly PeerProgram[] = [
  stageRelay(0, 'no stage'),
  stageRelay(1, 'one function stage'),
  stageRelay(3, 'three function stages'),
  nodeProgram('transform', 'Node `pipeline`, one Transform', false, (listen, upstream) => [
    repositoryFile('benchmarks/peers/node-transform.mjs'),
    listen,
    upstream,
  ]),
]

function stageRelay(stages: number, name: string): PeerProgram {
  return nodeProgram(`stages-${stages}`, `relay, ${name}`, true, (listen, upstream) => [
    programFile('stage-relay'),
    listen,
    upstream,
    `${stages}`,
  ])
}

function nodeProgram(
  id: string,
  name: string,
  ours: boolean,
  args: (listen: string, upstream: string) => readonly string[],
): PeerProgram {
  return {
    ...{ id, name, ours, command: process.execPath, speaksTls: false },
    version: { command: process.execPath, args: ['--version'], pattern: /v(\d[\d.]*)/ },
    start: ({ listen, upstream }) => ({ args: args(formatAddress(listen), formatAddress(upstream)) }),
  }
}
