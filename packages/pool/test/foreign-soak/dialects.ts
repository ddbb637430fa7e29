import { pattern, unitAt } from './pattern.js'

/** A request that is of no session, and how it is answered. */
export interface Service {
  readonly request: Buffer
  readonly answer: Buffer
}

/** What the upstream speaks. Its requests tell whose they are, and its answers carry the pattern of their session. */
export interface Dialect {
  /** How a client may leave without a FIN. A relay answers it by itself. */
  readonly farewell?: Service
  /** What a relay cleans connections with. */
  readonly reset?: Service
  /** One request. `bytes`: how much it carries; some carry nothing when it is 0. */
  request(session: number, bytes: number): Buffer
  answer(session: number, bytes: number, uploaded: number): Buffer
  /** Whose request begins with these bytes, as soon as they tell. */
  sessionOf(head: Buffer): number | undefined
}

/** The bytes behind which a head that names no session names none any more. */
export const MOST_HEAD_BYTES = 256

const join = (...parts: readonly (string | Buffer)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)))

// Units alone; the first one, whose place is 0, tells the session.
const raw: Dialect = {
  request: (session, bytes) => pattern(session, 'up', Math.max(8, bytes)),
  answer: (session, bytes) => pattern(session, 'down', bytes),
  sessionOf: (head) => (head.length < 8 ? undefined : numberOf(head)),
}

// Of those that upload nothing each second one leaves a selected database.
const redis: Dialect = {
  farewell: service('*1\r\n$4\r\nquit\r\n', '+OK\r\n'),
  reset: service('*1\r\n$5\r\nRESET\r\n', '+RESET\r\n'),
  request(session, bytes) {
    const key = keyOf(session)
    const named = `$${key.length}\r\n${key}\r\n`
    const select = isEven(session) ? '*2\r\n$6\r\nSELECT\r\n$1\r\n1\r\n' : ''
    if (bytes === 0) return join(`*2\r\n$3\r\nGET\r\n${named}${select}`)
    const value = pattern(session, 'up', bytes)
    return join(`*4\r\n$3\r\nSET\r\n${named}$${bytes}\r\n`, value, '\r\n$3\r\nGET\r\n')
  },
  answer(session, bytes, uploaded) {
    const selected = uploaded === 0 && isEven(session) ? '+OK\r\n' : ''
    return join(`$${bytes}\r\n`, pattern(session, 'down', bytes), `\r\n${selected}`)
  },
  sessionOf: (head) => named(head, /^\*\d\r\n\$3\r\n[GS]ET\r\n\$\d+\r\nk(\d+)\r/),
}

const http1: Dialect = {
  request(session, bytes) {
    if (bytes === 0) return join(`GET /${session} HTTP/1.1\r\nhost: soak\r\n\r\n`)
    const head = `POST /${session} HTTP/1.1\r\nhost: soak\r\ncontent-length: ${bytes}\r\n\r\n`
    return join(head, pattern(session, 'up', bytes))
  },
  answer(session, bytes) {
    const body = pattern(session, 'down', bytes)
    if (isEven(session)) return join(`HTTP/1.1 200 OK\r\ncontent-length: ${bytes}\r\n\r\n`, body)
    const head = `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${bytes.toString(16)}\r\n`
    return join(head, body, '\r\n0\r\n\r\n')
  },
  sessionOf: (head) => named(head, /^[A-Z]+ \/(\d+) /),
}

// An upload is a `set`, and the `get` right behind it. Each second session says something that asks for no answer: that `set`, or where
// there is none what leaves its connection to be cleaned.
const memcached: Dialect = {
  farewell: service('quit\r\n', ''),
  reset: service('mn\r\n', 'MN\r\n'),
  request(session, bytes) {
    const get = `get ${keyOf(session)}${session % 5 === 0 ? ' ' : ''}\r\n`
    if (bytes === 0) return join(get, isEven(session) ? 'verbosity 1 noreply\r\n' : '')
    const set = `set ${keyOf(session)} 0 0 ${bytes}${isEven(session) ? ' noreply' : ''}\r\n`
    return join(set, pattern(session, 'up', bytes), `\r\n${get}`)
  },
  answer(session, bytes, uploaded) {
    const stored = uploaded > 0 && !isEven(session) ? 'STORED\r\n' : ''
    const head = `${stored}VALUE ${keyOf(session)} 0 ${bytes}\r\n`
    return join(head, pattern(session, 'down', bytes), '\r\nEND\r\n')
  },
  sessionOf: (head) => named(head, /^[gs]et k(\d+)[ \r]/),
}

const lines: Dialect = {
  request: (session, bytes) => join(`${session} `, pattern(session, 'up', bytes), lineEnd(session)),
  answer: (session, bytes) => join(`${session} `, pattern(session, 'down', bytes), lineEnd(session >> 1)),
  sessionOf: (head) => named(head, /^(\d+) /),
}

export const dialects = { raw, redis, http1, memcached, lines } as const satisfies Record<string, Dialect>

function service(request: string, answer: string): Service {
  return { request: join(request), answer: join(answer) }
}

function isEven(session: number): boolean {
  return session % 2 === 0
}

function lineEnd(session: number): string {
  return isEven(session) ? '\n' : '\r\n'
}

function keyOf(session: number): string {
  return `k${session}`
}

function named(head: Buffer, name: RegExp): number | undefined {
  const found = name.exec(head.toString('latin1', 0, MOST_HEAD_BYTES))?.[1]
  return found === undefined ? undefined : Number(found)
}

function numberOf(head: Buffer): number {
  const unit = unitAt(head, 0)
  return unit?.way === 'up' && unit.place === 0 ? unit.session : 0
}
