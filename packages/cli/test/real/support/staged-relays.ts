import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { type RelayProcess, startRelay } from './relay-process.js'

/** Relays on the way to an upstream; clients come to the last one that was started. */
export interface StagedRelays {
  readonly port: number
  /** The relay that the clients come to, and the one that goes to the upstream. */
  readonly near: RelayProcess
  readonly far: RelayProcess
  /** As of one relay, for each of them. */
  expectCleanEnd(): Promise<void>
}

const PASS_ON = fileURLToPath(new URL('../../fixtures/pass-on.mjs', import.meta.url))

// What is between a client and an upstream that must not notice it.
const settings: Readonly<Record<string, readonly (readonly string[])[]>> = {
  'three stages that let everything through': [['pass', 'pass', PASS_ON]],
  'stages that cut everything into single bytes': [['pass', 'slice:1', PASS_ON]],
  'a tunnel compressed by gzip': [['compress:gzip'], ['decompress:gzip']],
  'a tunnel compressed by brotli': [['compress:brotli'], ['decompress:brotli']],
}

export const settingNames: readonly string[] = Object.keys(settings)

/** Starts the relays of a setting before an upstream on that port. */
export async function startStaged(setting: string, upstream: number): Promise<StagedRelays> {
  const relays: RelayProcess[] = []
  let next = `127.0.0.1:${upstream}`
  for (const stages of [...(settings[setting] ?? [])].reverse()) {
    const relay = await startRelay(next, { flags: stages.flatMap((stage) => ['--stage', stage]) })
    relays.unshift(relay)
    next = relay.listen
  }
  const [near, far] = [relays[0], relays.at(-1)]
  if (near === undefined || far === undefined) throw new Error(`no such setting: ${setting}`)
  return {
    port: near.port,
    near,
    far,
    async expectCleanEnd() {
      for (const relay of relays) {
        await relay.expectCleanEnd()
        expect(relay.sessions.filter(({ reason }) => reason.startsWith('stage-'))).toEqual([])
      }
    },
  }
}
