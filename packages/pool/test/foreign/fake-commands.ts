import { type ConnectionState, freshState } from './fake-state.js'
import { bulk } from './resp.js'

/** What the commands of one connection work on. */
export interface Target {
  /** The session that speaks: every reply carries it. */
  readonly id: string
  state: ConnectionState
  readonly data: Map<string, string>
}

/** The reply to a command, as a server would give it, with the session's identity in it. */
export function reply(target: Target, parts: readonly string[]): string {
  const { id, state } = target
  const [name = '', first = '', second = ''] = parts
  const command = name.toUpperCase()
  if (state.queued !== undefined && !['EXEC', 'DISCARD', 'RESET'].includes(command)) {
    state.queued.push([...parts])
    return `+QUEUED ${id}\r\n`
  }
  switch (command) {
    case 'ECHO':
      return bulk(first)
    case 'SET':
      target.data.set(first, second)
      return `+OK ${id}\r\n`
    case 'GET':
      return bulk(target.data.get(first) ?? `nothing for ${id}`)
    case 'SELECT':
      state.db = Number(first)
      return `+OK ${id}\r\n`
    case 'AUTH':
      state.user = first
      return `+OK ${id}\r\n`
    case 'READONLY':
      state.readOnly = true
      return `+OK ${id}\r\n`
    case 'CLIENT':
      return client(target, first.toUpperCase(), parts.slice(2))
    case 'HELLO':
      state.resp = first === '3' ? 3 : 2
      return `${state.resp === 3 ? '%1' : '*2'}\r\n${bulk('session')}${bulk(id)}`
    case 'MULTI':
      state.queued = []
      return `+OK ${id}\r\n`
    case 'WATCH':
      state.watched++
      return `+OK ${id}\r\n`
    case 'EXEC':
    case 'DISCARD':
      return close(target, command)
    case 'SUBSCRIBE':
      state.subscriptions++
      return `${state.resp === 3 ? '>' : '*'}3\r\n${bulk('subscribe')}${bulk(first)}:1\r\n`
    case 'RESET':
      target.state = freshState()
      return '+RESET\r\n'
    default:
      return `-ERR unknown command of ${id}\r\n`
  }
}

function client(target: Target, subcommand: string, args: readonly string[]): string {
  const { id, state } = target
  const [first = '', second = ''] = args
  if (subcommand === 'SETNAME') state.name = first
  else if (subcommand === 'SETINFO' && first.toUpperCase() === 'LIB-NAME') state.library = second
  else if (subcommand === 'TRACKING') state.tracking = first.toUpperCase() === 'ON'
  return `+OK ${id}\r\n`
}

function close(target: Target, command: 'EXEC' | 'DISCARD'): string {
  const { id, state } = target
  const queued = state.queued
  state.queued = undefined
  state.watched = 0
  if (queued === undefined) return `-ERR ${command} without MULTI of ${id}\r\n`
  // The one reply that can't carry an identity: a rule may insist on the word.
  if (command === 'DISCARD') return '+OK\r\n'
  return `*${queued.length}\r\n${queued.map((parts) => reply(target, parts)).join('')}`
}
