import { setTimeout as sleep } from 'node:timers/promises'
import { type Case, nameOf, type Side } from '../case.js'
import type { Peer } from '../peer.js'

/** The same claim about either side, read at once and read late. */
export function mirrored(make: (from: Side, late: boolean) => Case): readonly Case[] {
  return (['client', 'server'] as const).flatMap((from) => [make(from, false), make(from, true)])
}

export function lateId(late: boolean): string {
  return late ? '-late-reader' : ''
}

/** How a claim calls the side that reads. */
export function reader(side: Side, late: boolean): string {
  return late ? `${nameOf(side)}, who reads late,` : nameOf(side)
}

/** What waits for a late reader must fit into the kernel's queues: 64 KiB do, of unix sockets and in small pieces as well. */
export function waitingBytes(late: boolean, otherwise: number): number {
  return late ? 64 * 1024 : otherwise
}

/** A late reader starts to read now, long after everything was sent. */
export async function readLater(late: boolean, peer: Peer): Promise<void> {
  if (!late) return
  await sleep(700)
  peer.read()
}
