import { setTimeout as sleep } from 'node:timers/promises'
import type { Arena } from '../arena.js'
import { type Case, CaseFailure, type Finding } from '../case.js'
import { ANSWER_BYTES } from '../held-upstream.js'
import { both, bytes, judge } from '../judge.js'
import { settled } from '../settled.js'

const SENT = 64 * 1024
const PLAIN = [
  { side: 'server', transport: 'tls', why: 'the server that lets a dial hang speaks no TLS' },
] as const

/** What a client does before the relay has its upstream. The dial hangs where the relay dials for each client. */
export const dialCases: readonly Case[] = [
  {
    id: 'dial-client-fin',
    claim:
      'client sends 64 KiB and FIN while the dial hangs: upstream gets all of it, then FIN, and its answer comes back',
    halfClose: 'forward',
    beyond: PLAIN,
    alone: true,
    run: (arena) => finDuringDial(arena, { answer: ANSWER_BYTES }),
  },
  {
    id: 'dial-client-end',
    claim:
      'client sends 64 KiB and FIN while the dial hangs: upstream gets all of it, then FIN, and client sees FIN',
    halfClose: 'close',
    beyond: PLAIN,
    alone: true,
    run: (arena) => finDuringDial(arena, { answer: 0 }),
  },
  {
    id: 'dial-client-reset',
    claim:
      'client sends 64 KiB and resets while the dial hangs: upstream never sees a session that looks whole',
    beyond: [
      ...PLAIN,
      { side: 'server', transport: 'unix', why: 'to a unix socket every end looks the same' },
      { side: 'client', transport: 'unix', why: 'nothing comes that the client could leave unread to reset' },
    ],
    alone: true,
    async run(arena) {
      const held = await arena.hold()
      const client = await arena.client()
      const id = arena.greet(client)
      client.send(SENT)
      await sleep(200)
      client.reset()
      await sleep(200)
      held.release()
      await sleep(2_500)
      const own = held.ended.filter(({ id: said }) => said === id)
      const seen = own.map(({ bytes: count, ending }) => `${bytes(count)}, then ${ending}`)[0] ?? 'no session'
      return { pass: own.every(({ ending }) => ending !== 'FIN'), seen: `upstream: ${seen}` }
    },
  },
  {
    id: 'dial-refused',
    claim: 'the upstream refuses the connection: client is reset, and does not take nothing for an answer',
    alone: true,
    async run(arena) {
      await arena.refuse()
      const client = await arena.client()
      // It says nothing: a relay that closes on unread bytes would reset it without meaning to.
      return judge('client', client, { atLeast: 0, ending: 'reset', withinMs: 8_000 })
    },
  },
]

async function finDuringDial(arena: Arena, { answer }: { readonly answer: number }): Promise<Finding> {
  const held = await arena.hold()
  const client = await arena.client()
  const id = arena.greet(client)
  client.send(SENT)
  client.finish()
  await sleep(400)
  held.release()
  const connection = held.connectionOf(id)
  if (!(await settled(connection, 5_000))) throw new CaseFailure('upstream: nothing within 5 s of accepting')
  const { bytes: count, intact, ending, afterMs } = await connection
  const seen = `upstream: connected after ${afterMs} ms, ${bytes(count)}, then ${ending}`
  return both(
    { pass: intact && count === SENT && ending === 'FIN', seen },
    await judge('client', client, { atLeast: answer, sent: ANSWER_BYTES, ending: 'FIN', withinMs: 2_000 }),
  )
}
