import type { random } from '../../../core/test/support/random.js'
import { bulk } from './resp.js'

/** A command, and what must answer it: the whole reply, or what is wrong with one. */
export interface Command {
  readonly parts: readonly string[]
  readonly expect: string | ((reply: string) => string | undefined)
}

export interface Script {
  /** Each step is one write. */
  readonly steps: readonly (readonly Command[])[]
  /** What another session does when this one has left: push what it may still be listening for. */
  readonly afterwards?: readonly Command[]
  /** The last step is answered only `afterwards`. */
  readonly blocks?: boolean
}

type Rng = ReturnType<typeof random>

const OK = '+OK\r\n'
const NEW_CONNECTION =
  /\bname= .*\bflags=N db=0 sub=0 psub=0 ssub=0 multi=-1 .*\buser=default redir=-1 resp=2\b/

const say = (parts: readonly string[], expect: Command['expect'] = OK): Command => ({ parts, expect })

const like =
  (pattern: RegExp): Command['expect'] =>
  (reply) =>
    pattern.test(reply) ? undefined : `not ${pattern}: ${JSON.stringify(reply.slice(0, 300))}`

/** Says who speaks. */
export function echo(id: string): Command {
  return say(['ECHO', id], bulk(id))
}

/** Asks a real server whether this is a fresh connection. */
const inspections: ReadonlyArray<(id: string) => Command[]> = [
  () => [say(['CLIENT', 'INFO'], like(NEW_CONNECTION))],
  () => [say(['CLIENT', 'GETNAME'], '$-1\r\n'), say(['ACL', 'WHOAMI'], bulk('default'))],
  // Somebody's WATCH would make EXEC answer nil; somebody's MULTI would refuse this one.
  (id) => [say(['MULTI']), say(['ECHO', id], '+QUEUED\r\n'), say(['EXEC'], `*1\r\n${bulk(id)}`)],
  (id) => [say(['SET', 'hot', id])],
]

const passing: ReadonlyArray<(id: string, rng: Rng) => Command[]> = [
  (id) => [say(['SET', `key:${id}`, id]), say(['GET', `key:${id}`], bulk(id))],
  (id) => [echo(id), echo(id), echo(id), echo(id)],
  (id, rng) => {
    const value = id.repeat(1 + rng.int(rng.int(12) === 0 ? 20_000 : 60))
    return [say(['SET', `big:${id}`, value, 'EX', '5']), say(['GET', `big:${id}`], bulk(value))]
  },
  (id) => Array.from({ length: 12 }, (_, index) => say(['ECHO', `${id}.${index}`], bulk(`${id}.${index}`))),
]

const dirtying: ReadonlyArray<(id: string, rng: Rng) => Command[]> = [
  (_id, rng) => [say(['SELECT', String(1 + rng.int(9))])],
  () => [say(['AUTH', 'worker', 'secret'])],
  (id) => [say(['CLIENT', 'SETNAME', id])],
  (id) => [say(['HELLO', '3'], like(/^%|session/)), echo(id)],
  () => [say(['WATCH', 'hot'])],
  (id) => [say(['MULTI']), say(['SET', `key:${id}`, id], '+QUEUED\r\n')],
  (id) => [say(['MULTI']), say(['ECHO', id], '+QUEUED\r\n'), say(['EXEC'], `*1\r\n${bulk(id)}`)],
  () => [say(['MULTI']), say(['DISCARD'])],
]

/** A session that ends with nothing owed, on a connection that can be given back. */
export function goodScript(id: string, rng: Rng, inspect: boolean): Script {
  const steps: Command[][] = [[echo(id)]]
  if (inspect && rng.int(2) === 0) steps.unshift(rng.pick(inspections)(id))
  for (let count = 1 + rng.int(2); count > 0; count--) steps.push(rng.pick(passing)(id, rng))
  // Last: in a transaction the others would be answered otherwise.
  if (rng.int(3) === 0) steps.push(rng.pick(dirtying)(id, rng))
  return { steps }
}

/** A session of any kind. The last step may make its connection unfit for another. */
export function anyScript(id: string, rng: Rng, inspect: boolean): Script {
  const { steps } = goodScript(id, rng, inspect)
  const kind = rng.int(12)
  const list = `list:${id}`
  const channel = `channel:${id}`
  if (kind === 0) {
    const push = [say(['RPUSH', list, id], like(/^:1|^\+pushed/)), say(['DEL', list], like(/^:|^-/))]
    const pop = say(['BLPOP', list, '0'], `*2\r\n${bulk(list)}${bulk(id)}`)
    return { steps: [[echo(id)], [pop]], afterwards: push, blocks: true }
  }
  if (kind === 1) {
    const subscribed = `*3\r\n${bulk('subscribe')}${bulk(channel)}:1\r\n`
    const publish = [say(['PUBLISH', channel, id], like(/^:|^\+pushed/))]
    return { steps: [...steps.slice(0, 1), [say(['SUBSCRIBE', channel], subscribed)]], afterwards: publish }
  }
  if (kind === 2) {
    const tracking = say(['CLIENT', 'TRACKING', 'ON'])
    const hello = say(['HELLO', '3'], like(/^%|session/))
    // When the key expires its readers are told, and nobody else.
    const key = `key:${id}`
    const read = [say(['SET', key, id, 'PX', '20'], OK), tracking, say(['GET', key], like(/^[_$]/))]
    return { steps: [[echo(id)], [hello], read, ...Array.from({ length: rng.int(6) }, () => [echo(id)])] }
  }
  return { steps }
}
