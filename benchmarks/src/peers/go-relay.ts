import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { formatAddress } from '../processes/free-port.js'
import { findProgram } from '../processes/program.js'
import { tempFolder } from '../processes/temp-folder.js'
import { repositoryFile } from '../repository-file.js'
import type { PeerProgram } from './peer-program.js'

let folder: string | undefined

/** benchmarks/peers/go-relay, built when it is first needed. */
export function goRelay(id: string, name: string, flags: readonly string[]): PeerProgram {
  return {
    id,
    name,
    ours: false,
    command: 'go',
    speaksTls: false,
    version: { command: 'go', args: ['version'], pattern: /go(\d[\d.]*)/ },
    start: ({ listen, upstream }) => ({
      command: build(),
      args: [formatAddress(listen), formatAddress(upstream), ...flags],
      // One thread runs Go code, as with every other relay here; it costs less CPU for each unit, too.
      env: { GOMAXPROCS: '1' },
    }),
  }
}

function build(): string {
  folder ??= tempFolder()
  const binary = join(folder, 'go-relay')
  if (existsSync(binary)) return binary
  const source = repositoryFile('benchmarks/peers/go-relay/main.go')
  const { status, output } = spawnSync(findProgram('go') ?? 'go', ['build', '-o', binary, source], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`go build: ${output?.join('').trim()}`)
  return binary
}
