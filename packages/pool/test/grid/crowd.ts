import { once } from 'node:events'
import { connect } from 'node:net'
import type { Address } from '@relay/core'
import { Baseline } from './baseline.js'
import type { GridRun } from './cells.js'
import { chance } from './chance.js'
import { Content } from './content.js'
import { Condition, seen, within } from './deadline.js'
import { bothEnd, type Expectation, expectationOf } from './expectation.js'
import { invariantsOfConnector, invariantsOfRecord } from './invariants.js'
import { compare } from './judge.js'
import { GridPeer } from './peer.js'
import { type Conversation, planOf } from './plan.js'
import { RelayRig } from './relay-rig.js'
import { UpstreamRig } from './upstream-rig.js'

/** A fault that befalls many sessions at the same moment, all of them at rest. */
export interface CrowdRun extends Pick<GridRun, 'carrier' | 'halfClose'> {
  readonly side: GridRun['side'] | 'both'
  readonly fault: 'fin' | 'close' | 'close-unread' | 'reset'
}

interface Member extends Conversation {
  readonly client: GridPeer
  readonly upstream: GridPeer
}

const SLACK_MS = 25_000
const PATIENT = { idleTimeoutMs: 120_000, lingerMs: 60_000, maxDurationMs: 240_000 }

/** Plays one; resolves with all that went wrong, and how often. */
export async function runCrowd(run: CrowdRun, size: number): Promise<string[]> {
  const side = run.side === 'both' ? 'client' : run.side
  const plan = planOf({ ...run, side, phase: 'idle', source: 'fresh', late: 'nobody' })
  const baseline = new Baseline()
  const upstream = new UpstreamRig(run.carrier)
  await upstream.listen()
  const relay = new RelayRig(plan, upstream.address, PATIENT)
  await relay.listen()
  const condition = new Condition()
  relay.record.onChange = condition.changed
  const members: Member[] = []
  const failures: string[] = []
  try {
    while (members.length < size) {
      members.push(await join(`${members.length} of ${JSON.stringify(run)}`, relay, upstream, condition))
    }
    await within(moment(run, members, relay, condition), SLACK_MS, () => 'on the way to the moment')
    const isOver = (): boolean => relay.record.closed.length === size
    await within(condition.met(isOver), SLACK_MS, () => `${relay.record.closed.length} are closed`)
    const endings = members.flatMap((member) => [member.client.ended, member.upstream.ended])
    await within(Promise.all(endings), SLACK_MS, () => 'closed, and not everybody has seen it')
    const expected = run.side === 'both' ? bothEnd(plan) : expectationOf(plan)
    failures.push(...members.flatMap((member) => judgeMember(member, expected)))
    for (const { result } of relay.record.closed) {
      if (!expected.reasons.includes(result.reason)) failures.push(`closed as ${result.reason}`)
    }
  } catch (error) {
    failures.push(String(error))
  }
  for (const { client } of members) client.destroy()
  await relay.close()
  await upstream.close()
  failures.push(...invariantsOfRecord(relay), ...invariantsOfConnector(relay), ...(await baseline.end()))
  return counted(failures)
}

// One after another, for the one that is accepted last is then the one that connected last.
async function join(
  name: string,
  relay: RelayRig,
  upstream: UpstreamRig,
  condition: Condition,
): Promise<Member> {
  const rng = chance(name)
  const session = rng
    .int(2 ** 32)
    .toString(16)
    .padStart(8, '0')
  const up = new Content(session, 'up', 2, 2_000, rng)
  const down = new Content(session, 'down', 2, 2_000, rng)
  const accepted = new Promise<GridPeer>((resolve) => {
    upstream.onPeer = resolve
  })
  const socket = connect({ ...(relay.server.address as Address), allowHalfOpen: true })
  await once(socket, 'connect')
  const client = new GridPeer(socket)
  begin(client, up, down, condition)
  const served = await within(accepted, SLACK_MS, () => `${name} is not accepted`)
  begin(served, down, up, condition)
  return { up, down, client, upstream: served }
}

/** Says its first line, and FIN when it has heard one. */
function begin(peer: GridPeer, sends: Content, expects: Content, condition: Condition): void {
  peer.begin(sends, expects, sends.length, () => {
    if (peer.ending === 'fin') peer.end()
    condition.changed()
  })
  peer.allow(sends.endOf(1))
}

async function moment(
  { side, fault }: CrowdRun,
  members: readonly Member[],
  relay: RelayRig,
  condition: Condition,
): Promise<void> {
  const isAtRest = ({ client, upstream, up, down }: Member): boolean =>
    client.receivedBytes === down.endOf(1) && upstream.receivedBytes === up.endOf(1)
  await condition.met(() => members.every(isAtRest))
  if (fault === 'close-unread') await leaveUnread(side === 'client' ? 'down' : 'up', members, relay)
  // All of one side, then all of the other: what the relay hears of the two ends of a session is far apart, then.
  if (side !== 'client') for (const { upstream } of members) fail(upstream, fault)
  if (side !== 'upstream') for (const { client } of members) fail(client, fault)
}

/** Each has the second line of the other in its kernel, and has not read it. */
async function leaveUnread(
  direction: 'up' | 'down',
  members: readonly Member[],
  relay: RelayRig,
): Promise<void> {
  for (const { client, upstream, up, down } of members) {
    const [speaker, reader, content] = direction === 'up' ? [client, upstream, up] : [upstream, client, down]
    reader.stopReading()
    speaker.allow(content.length)
  }
  const bytes = members.reduce((sum, member) => sum + member[direction].length, 0)
  await seen(
    () => relay.server.stats()[direction].bytes === bytes,
    SLACK_MS,
    () => 'nothing is unread',
  )
}

function fail(peer: GridPeer, fault: CrowdRun['fault']): void {
  if (fault === 'reset') peer.reset()
  else if (fault !== 'fin') peer.close(fault === 'close-unread')
  else {
    // Its last words and its FIN.
    peer.allow(Number.POSITIVE_INFINITY)
    peer.finish('here')
  }
}

function judgeMember({ client, upstream }: Member, expected: Expectation): string[] {
  return [
    ...compare('client', client, upstream.sent, client.ending, expected.client),
    ...compare('upstream', upstream, client.sent, upstream.ending, expected.upstream ?? expected.client),
    client.faultOfReceived ?? [],
    upstream.faultOfReceived ?? [],
  ].flat()
}

function counted(failures: readonly string[]): string[] {
  const counts = new Map<string, number>()
  for (const failure of failures) {
    const kind = failure.replace(/received \d+ of \d+ B/, 'received less or more than it must')
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  return Array.from(counts, ([kind, count]) => `${count} times: ${kind}`)
}
