import { type Address, freePort } from '../processes/free-port.js'
import type { Settings, Subject } from '../workload.js'
import type { PeerProgram } from './peer-program.js'
import { peerPrograms } from './peer-programs.js'
import { type RunningPeer, startPeer, versionOf } from './running-peer.js'

/** The limit: the client connects to the upstream itself. */
const DIRECT: Subject = { id: 'direct', name: 'direct, no relay', ours: false, version: '' }

/** Which relays a workload compares. */
export interface PeerChoice {
  readonly ids: readonly string[]
  readonly direct?: boolean
  /** By peer and case: why it is not measured. */
  readonly skips?: Readonly<Record<string, Readonly<Record<string, string>>>>
}

/** The relays of a workload before one upstream, all running; they idle while another one works. */
export class PeerGroup {
  readonly subjects: readonly Subject[]
  readonly #upstream: Address
  readonly #running: ReadonlyMap<string, RunningPeer>

  static async start(choice: PeerChoice, upstream: Address, settings: Settings): Promise<PeerGroup> {
    const running = new Map<string, RunningPeer>()
    const failed = new Map<string, string>()
    for (const program of chosenPrograms(choice, settings)) {
      if (versionOf(program) === undefined) continue
      try {
        running.set(program.id, await startPeer(program, { listen: await freePort(), upstream }))
      } catch (error) {
        failed.set(program.id, `did not start: ${(error as Error).message}`)
      }
    }
    const subjects = subjectsOf(choice, settings).map((subject) => {
      const missing = failed.get(subject.id)
      return missing === undefined ? subject : { ...subject, missing }
    })
    return new PeerGroup(subjects, upstream, running)
  }

  private constructor(
    subjects: readonly Subject[],
    upstream: Address,
    running: ReadonlyMap<string, RunningPeer>,
  ) {
    this.subjects = subjects
    this.#upstream = upstream
    this.#running = running
  }

  /** Where to connect to for a subject. */
  address(id: string): Address {
    return this.#running.get(id)?.address ?? this.#upstream
  }

  /** The process of a subject; `undefined` for the direct connection. */
  pid(id: string): number | undefined {
    return this.#running.get(id)?.pid
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#running.values()].map((peer) => peer.stop()))
  }
}

/** The program of a subject. */
export function programOf(id: string, { programs = peerPrograms }: Settings): PeerProgram {
  const program = programs.find((candidate) => candidate.id === id)
  if (program === undefined) throw new Error(`no peer ${id}`)
  return program
}

/** The programs of a choice that `--peers` leaves; ours stay in any case. */
function chosenPrograms({ ids }: PeerChoice, { peers, programs }: Settings): readonly PeerProgram[] {
  if (programs !== undefined) return programs
  return peerPrograms.filter(
    ({ id, ours }) => ids.includes(id) && (ours || peers === undefined || peers.includes(id)),
  )
}

export function subjectsOf(choice: PeerChoice, settings: Settings): readonly Subject[] {
  const subjects = chosenPrograms(choice, settings).map((program): Subject => {
    const { id, name, ours, command } = program
    const version = versionOf(program)
    const skips = choice.skips?.[id] ?? {}
    return { id, name, ours, version, skips, ...(version === undefined && { missing: `no ${command} here` }) }
  })
  const direct = choice.direct === true && !settings.programs && (settings.peers?.includes('direct') ?? true)
  return direct ? [...subjects, DIRECT] : subjects
}
