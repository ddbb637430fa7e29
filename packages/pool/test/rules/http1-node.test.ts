import { request as ask, createServer, type IncomingMessage } from 'node:http'
import { Duplex } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { answer, get, open, request } from './http1-support.js'

const body = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.constantFrom('0\r\n\r\n', `${get}`, '\r\n', `${answer(200)}`),
)
const sizes = fc.option(fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 3 }), { nil: undefined })
const message = fc.record({
  body,
  chunks: sizes,
  extension: fc.constantFrom('', ';a', ';a=b'),
  trailer: fc.constantFrom([], ['X: y']),
})
/** What may stand where a byte or a line stood. */
const twist = fc.constantFrom(
  ...['\n', '\r', ' ', '\t', '\0', '0', '5', ',', ':', ';', 'x', '\x7f', '-', '+', '\r\n', '\r\n ', '\v'],
  ...['Content-Length: 3\r\n', 'Transfer-Encoding: chunked\r\n', 'Transfer-Encoding : chunked\r\n', ''],
)
/** Only those count that are followed still: about one in ten, when a twist lands in what the rule must read. */
const runs = { numRuns: 100 } as const

/** What Node's server makes of a stream: the bodies of the requests that it found, or that it refused. */
async function nodeReads(stream: Buffer): Promise<string[] | 'refused'> {
  const bodies: string[] = []
  let refused = false
  const server = createServer({ maxHeaderSize: 65_536, requireHostHeader: false }, (incoming, response) => {
    collected(incoming).then((text) => bodies.push(text), refuse)
    incoming.on('close', () => response.end())
  })
  const refuse = (): void => {
    refused = true
  }
  server.on('clientError', refuse)
  server.on('checkContinue', refuse).on('upgrade', refuse).on('connect', refuse)
  const wire = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
  server.emit('connection', wire)
  wire.push(stream)
  for (let turns = 0; turns < 12; turns++) await new Promise(setImmediate)
  wire.destroy()
  return refused ? 'refused' : bodies
}

/** What Node's client makes of an answer. */
async function nodeReceives(method: string, stream: Buffer): Promise<'whole' | 'refused' | 'cut short'> {
  const wire = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
  const outgoing = ask({ method, createConnection: () => wire })
  const outcome = new Promise<'whole' | 'refused' | 'cut short'>((resolve) => {
    const fail = (error: Error): void =>
      resolve('code' in error && String(error.code).startsWith('HPE_') ? 'refused' : 'cut short')
    outgoing.on('response', (incoming) => void collected(incoming).then(() => resolve('whole'), fail))
    outgoing.on('error', fail)
  })
  outgoing.end()
  wire.push(stream)
  setImmediate(() => setImmediate(() => wire.push(null)))
  const result = await outcome
  wire.destroy()
  return result
}

async function collected(incoming: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of incoming.setEncoding('latin1')) text += String(chunk)
  return text
}

describe("http1() and Node's own parser", () => {
  it('agree on what was sent, wherever a request was twisted and is followed still', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(message, { minLength: 1, maxLength: 3 }),
        fc.nat(),
        twist,
        async (list, where, by) => {
          const clean = Buffer.concat(list.map((one) => request('POST /', one)))
          const at = where % clean.length
          const stream = Buffer.concat([
            clean.subarray(0, at),
            Buffer.from(by),
            clean.subarray(at + (where % 3 === 0 ? 1 : 0)),
          ])
          const proof = open()
          proof.up(stream)
          fc.pre(proof.state === 'busy')
          let requests = 0
          for (; proof.state === 'busy'; requests++) proof.down(answer(200))
          expect(proof.state).toBe('idle')
          const theirs = await nodeReads(stream)
          // It may refuse what we follow: then it answers 400 and closes, and that is an answer, too.
          if (theirs !== 'refused') expect(theirs).toHaveLength(requests)
        },
      ),
      runs,
    )
  })

  it('agree on whether an answer is whole, wherever it was twisted and is followed still', async () => {
    const methods = fc.constantFrom('GET', 'HEAD', 'POST')
    await fc.assert(
      fc.asyncProperty(methods, message, fc.nat(), twist, async (method, one, where, by) => {
        const clean = answer(
          200,
          method === 'HEAD' ? { fields: ['Content-Length: 9'], body: undefined } : one,
        )
        const at = where % clean.length
        const stream = Buffer.concat([
          clean.subarray(0, at),
          Buffer.from(by),
          clean.subarray(at + (where % 3 === 0 ? 1 : 0)),
        ])
        const proof = open()
        proof.up(request(`${method} /`))
        fc.pre(proof.down(stream) && proof.state === 'idle')
        expect(await nodeReceives(method, stream)).not.toBe('cut short')
        // Half of it is not whole to either.
        const half = open()
        half.up(request(`${method} /`))
        half.down(stream.subarray(0, -1))
        expect(half.state).toBe('busy')
      }),
      runs,
    )
  })
})
