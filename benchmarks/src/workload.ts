import type { PeerProgram } from './peers/peer-program.js'

/** One thing that is measured of every subject: what its values are called in tables, and which are better. */
export interface Metric {
  readonly id: string
  readonly name: string
  readonly unit: string
  readonly better: 'less' | 'more'
  /** Digits after the point. */
  readonly digits: number
}

/** A way in which a workload is run. */
export interface Case {
  readonly id: string
  readonly name: string
}

/** What is measured: a relay, or a pool. */
export interface Subject {
  readonly id: string
  readonly name: string
  readonly ours: boolean
  /** Why it is not measured in some cases. */
  readonly skips?: Readonly<Record<string, string>>
  /** `undefined` when it is not on this machine, empty when it has none. */
  readonly version: string | undefined
  /** Why it is not measured, when it is not. */
  readonly missing?: string
}

/** Values by the id of their metric; one that could not be had is absent. */
export type Values = Readonly<Record<string, number>>

export interface Settings {
  readonly rounds: number
  /** How long one measurement takes, where it can be chosen. */
  readonly seconds: number
  /** Ids of the peers to measure beside ours; all when `undefined`. */
  readonly peers: readonly string[] | undefined
  /** Relays to measure instead of those that the workload names. */
  readonly programs?: readonly PeerProgram[]
}

/** Something that every subject is made to do in turn. */
export interface Workload {
  readonly id: string
  readonly name: string
  readonly cases: readonly Case[]
  /** The first is the one that charts show. */
  readonly metrics: readonly Metric[]
  /** At most so many rounds, for one that varies little and takes long. */
  readonly maxRounds?: number
  /** **Fails** when this machine lacks what the work needs, and says what. */
  open(settings: Settings): Promise<OpenWorkload>
}

/** What subjects do when things go wrong, found out beside the numbers. */
export interface Conduct {
  readonly claims: readonly { readonly id: string; readonly claim: string }[]
  /** By subject and claim; starts with `yes` when it holds. */
  readonly seen: Readonly<Record<string, Readonly<Record<string, string>>>>
}

/** A workload whose upstreams and subjects are running. */
export interface OpenWorkload {
  readonly subjects: readonly Subject[]
  /** Work that is not measured, before the first round: code is compiled, and pools are filled. */
  warmUp?(subject: string, testCase: string): Promise<void>
  measure(subject: string, testCase: string): Promise<Values>
  conduct?(): Promise<Conduct>
  close(): Promise<void>
}
