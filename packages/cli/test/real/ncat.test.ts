import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { Child } from './support/child.js'
import { listen, open, type Received, received } from './support/node-peers.js'
import { describeWith, program } from './support/programs.js'
import { type RelayProcess, startRelay } from './support/relay-process.js'
import { freePort } from './support/servers.js'

const QUESTION = 'question'
const ANSWER = randomBytes(1024 * 1024)
const LATE_MS = 1_500

interface Conversation {
  readonly relay: RelayProcess
  /** What ncat printed. */
  readonly answer: Buffer
  /** What the other side got. */
  readonly question: Received
}

/** One session in which ncat sends its question and FIN at once, and the other side answers a second and a half later. */
type Converse = (...flags: string[]) => Promise<Conversation>

describeWith(['ncat'], 'ncat through relay forward', () => {
  const conversations: [side: 'client' | 'upstream', Converse][] = [
    ['client', ncatAsks],
    ['upstream', ncatIsAsked],
  ]
  for (const [asking, converse] of conversations) {
    test(`an answer that comes 1.5 s after the FIN of the ${asking} arrives whole`, async () => {
      const { relay, answer, question } = await converse()
      expect(question).toEqual({ data: Buffer.from(QUESTION), ending: 'fin' })
      expect(answer.equals(ANSWER)).toBe(true)
      const [up, down] = asking === 'client' ? [QUESTION, ANSWER] : [ANSWER, QUESTION]
      const line = { reason: `${asking}-end`, up: up.length, down: down.length }
      expect(await relay.ended(1)).toEqual([expect.objectContaining(line)])
      await relay.expectCleanEnd()
    })

    test(`--half-close close ends the session with the FIN of the ${asking}, and no answer comes`, async () => {
      const { relay, answer, question } = await converse('--half-close', 'close')
      expect(question).toEqual({ data: Buffer.from(QUESTION), ending: 'fin' })
      expect(answer).toHaveLength(0)
      const [up, down] = asking === 'client' ? [QUESTION.length, 0] : [0, QUESTION.length]
      const line = { reason: `${asking}-end`, up, down }
      expect(await relay.ended(1)).toEqual([expect.objectContaining(line)])
      await relay.expectCleanEnd()
    })
  }
})

/** `printf question | ncat`: the client. */
async function ncatAsks(...flags: string[]): Promise<Conversation> {
  const { promise: question, resolve } = withResolver<Received>()
  const port = await listen((socket) => resolve(answerLate(socket)))
  const relay = await startRelay(`127.0.0.1:${port}`, { flags })
  const ncat = new Child(program('ncat'), ['127.0.0.1', `${relay.port}`], { input: QUESTION })
  await ncat.exit
  return { relay, answer: ncat.stdout, question: await question }
}

/** `printf question | ncat --listen`: the upstream. */
async function ncatIsAsked(...flags: string[]): Promise<Conversation> {
  const port = await freePort()
  const args = ['-v', '--listen', '127.0.0.1', `${port}`]
  const ncat = new Child(program('ncat'), args, { input: QUESTION })
  await ncat.printed(({ stderr }) => stderr.includes(`Listening on 127.0.0.1:${port}`))
  const relay = await startRelay(`127.0.0.1:${port}`, { flags })
  const question = answerLate(open(relay.port))
  await ncat.exit
  return { relay, answer: ncat.stdout, question: await question }
}

function answerLate(socket: Socket): Promise<Received> {
  socket.once('end', () => setTimeout(() => socket.end(ANSWER), LATE_MS))
  return received(socket)
}

function withResolver<T>(): { promise: Promise<T>; resolve(value: T | Promise<T>): void } {
  let resolve: (value: T | Promise<T>) => void = () => {}
  const promise = new Promise<T>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}
