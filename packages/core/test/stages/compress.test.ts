import { gunzipSync } from 'node:zlib'
import { describe, expect, onTestFinished, test } from 'vitest'
import { relay } from '../../src/relay.js'
import { compress, decompress } from '../../src/stages/index.js'
import { runStage, socketPair } from '../../src/testing/index.js'
import { Peer, sha256 } from '../support/peer.js'

describe.each(['gzip', 'deflate', 'brotli'] as const)('%s', (algorithm) => {
  test('a small message arrives before the next is sent, both ways through a tunnel', async () => {
    const [client, near] = await socketPair()
    const [tunnelStart, tunnelEnd] = await socketPair()
    const [far, upstream] = await socketPair()
    const results = [
      relay(near, tunnelStart, { stages: [compress({ algorithm })] }),
      relay(tunnelEnd, far, { stages: [decompress({ algorithm })] }),
    ]
    const [asking, answering] = [new Peer(client), new Peer(upstream)]
    let [asked, answered] = ['', '']
    for (let message = 1; message <= 20; message++) {
      asked += `question ${message}\n`
      await asking.write(`question ${message}\n`)
      await answering.arrived(asked.length)
      answered += `answer ${message}\n`
      await answering.write(`answer ${message}\n`)
      await asking.arrived(answered.length)
    }
    asking.end()
    expect(await answering.received).toMatchObject({ hash: sha256(asked), ending: 'fin' })
    answering.end()
    expect(await asking.received).toMatchObject({ hash: sha256(answered), ending: 'fin' })
    expect((await Promise.all(results)).map(({ reason }) => reason)).toEqual(['client-end', 'client-end'])
  })

  test('each level is taken, and none above the highest', async () => {
    const highest = algorithm === 'brotli' ? 11 : 9
    const stages = [0, 1, highest].flatMap((level) => [
      compress({ algorithm, level }),
      decompress({ algorithm, level }),
    ])
    const { up, down } = await runStage(stages, { up: ['there'], down: ['and back'] })
    expect([up.toString(), down.toString()]).toEqual(['there', 'and back'])
    expect(() => compress({ algorithm, level: highest + 1 })).toThrow(
      new RangeError(
        `compress: expected option "level" to be from 0 to ${highest} for ${algorithm}, got ${highest + 1}`,
      ),
    )
  })

  test.each(['compress', 'decompress'] as const)(
    'garbage ends the session as stage-error (%s)',
    async (name) => {
      const stage = { compress, decompress }[name]({ algorithm })
      const direction = name === 'compress' ? 'down' : 'up'
      const { result, ...received } = await runStage(stage, { [direction]: [Buffer.alloc(100, 0xff)] })
      expect(received[direction].length).toBe(0)
      expect(result).toMatchObject({
        reason: 'stage-error',
        stage: { name, direction },
        error: { code: 'ERR_RELAY_STAGE' },
      })
    },
  )

  test('a stream that is cut short is an error: what is missing must not look whole', async () => {
    const { up: whole } = await runStage(compress({ algorithm }), {
      up: ['a message that is long enough to cut'],
    })
    const { result } = await runStage(decompress({ algorithm }), { up: [whole.subarray(0, -1)] })
    expect(result).toMatchObject({ reason: 'stage-error', stage: { direction: 'up' } })
  })

  test.each([
    ['in the same chunk', (whole: Buffer) => [Buffer.concat([whole, Buffer.from('more')])]],
    ['in the next one', (whole: Buffer) => [whole, 'more']],
    ['in others', (whole: Buffer) => [whole, 'more', 'and', 'more']],
  ])('bytes behind the end are an error, %s: they would be lost', async (_where, chunks) => {
    const { up: whole } = await runStage(compress({ algorithm }), { up: ['a message'] })
    const { result } = await runStage(decompress({ algorithm }), { up: chunks(whole) })
    expect(result).toMatchObject({ reason: 'stage-error', stage: { name: 'decompress', direction: 'up' } })
  })

  test('a direction in which nothing goes has nothing on the other side', async () => {
    for (const stage of [compress({ algorithm }), decompress({ algorithm })]) {
      const { up, down, result } = await runStage(stage)
      expect([up.length, down.length, result.reason]).toEqual([0, 0, 'client-end'])
    }
  })
})

test('text takes less on the wire', async () => {
  const text = 'the quick brown fox jumps over the lazy dog\n'.repeat(1_000)
  const { up } = await runStage(compress(), { up: [text] })
  expect(gunzipSync(up).toString()).toBe(text)
  expect(up.length).toBeLessThan(text.length / 10)
})

test('a session that is reset in the midst leaves no compressor behind', async () => {
  const [client, near] = await socketPair()
  const [far, upstream] = await socketPair()
  onTestFinished(() => void upstream.destroy())
  const result = relay(near, far, { stages: [compress(), decompress()] })
  const [asking, answering] = [new Peer(client), new Peer(upstream)]
  await asking.write('x')
  await answering.arrived(1)
  asking.reset()
  expect((await result).reason).toBe('client-reset')
  expect((await answering.received).ending).toBe('reset')
})
