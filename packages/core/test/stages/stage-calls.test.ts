import { Transform } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { flushable, type Stage, type StageContext, type Steps } from '../../src/stage.js'
import { areStageCallsFollowed, followStageCalls, type StageCaller } from '../../src/stage-calls.js'
import { runStage } from '../../src/testing/index.js'

/** A stage of which each piece of code says where it runs, by a word. */
function speaking(say: (where: string) => void, steps: () => Steps): Stage {
  return {
    name: 'speaking',
    open() {
      say('open')
      return {
        up({ signal }: StageContext) {
          say('up')
          signal.addEventListener('abort', () => say('signal'))
          return steps()
        },
        down: () => void say('down'),
        close: () => say('close'),
      }
    },
  }
}

// Where a step runs, each after something asynchronous, too; they let the bytes pass.
const STEPS: Readonly<Record<string, (say: (where: string) => void) => Steps>> = {
  'a function': (say) => (chunk) => {
    say('step')
    setTimeout(say, 1, 'later')
    return chunk
  },
  'an asynchronous function': (say) => async (chunk) => {
    say('step')
    await sleep(1)
    say('later')
    return chunk
  },
  'a generator, held up at its yield': (say) =>
    function* (chunk) {
      say('step')
      for (let piece = 0; piece < 8; piece++) yield Buffer.alloc(32 * 1024)
      say('later')
      yield chunk
    },
  'an asynchronous generator': (say) =>
    async function* (chunk) {
      say('step')
      yield chunk
      await sleep(1)
      say('later')
    },
  'a tail': (say) =>
    flushable(
      (chunk) => chunk,
      async () => {
        say('step')
        await sleep(1)
        say('later')
      },
    ),
  'an abort': (say) => [
    flushable(
      (chunk) => chunk,
      () => new Promise<never>(() => {}),
      () => {
        say('step')
        setTimeout(say, 1, 'later')
      },
    ),
  ],
  'a stream': (say) =>
    new Transform({
      transform(chunk, _encoding, done) {
        say('step')
        setTimeout(() => {
          say('later')
          done(null, chunk)
        }, 1)
      },
    }),
  'the destroy of a stream': (say) =>
    new Transform({
      // It never ends by itself: its session destroys it.
      transform: () => {},
      destroy(_error, done) {
        say('step')
        setTimeout(say, 1, 'later')
        done(null)
      },
    }),
}

test('nobody follows until somebody asks', () => {
  expect(areStageCallsFollowed()).toBe(false)
})

test.each(Object.entries(STEPS))(
  'all code of a stage, %s too, is known to be of its session',
  async (_kind, steps) => {
    const current = followStageCalls()
    const run = async (): Promise<Map<string, StageCaller | undefined>> => {
      const callers = new Map<string, StageCaller | undefined>()
      const say = (where: string): void => void callers.set(where, current())
      await runStage(
        speaking(say, () => steps(say)),
        { up: ['x'], options: { maxDurationMs: 300 } },
      )
      await expect
        .poll(() => [...callers.keys()].sort())
        .toEqual(['close', 'down', 'later', 'open', 'signal', 'step', 'up'])
      return callers
    }
    const [one, other] = await Promise.all([run(), run()])
    for (const callers of [one, other]) {
      expect([...callers.values()]).not.toContain(undefined)
      // One for each direction; `open` and `close` are of the first.
      expect(callers.get('later')).toBe(callers.get('up'))
      expect(callers.get('step')).toBe(callers.get('up'))
      expect(callers.get('down')).not.toBe(callers.get('up'))
    }
    const shared = [...one.values()].filter((caller) => [...other.values()].includes(caller))
    expect(shared).toEqual([])
    expect(current()).toBeUndefined()
  },
)

test('what a caller is told ends its session, by the stage and the direction, as long as it lives', async () => {
  const current = followStageCalls()
  let caller: StageCaller | undefined
  let told: boolean | undefined
  const { result } = await runStage(
    {
      name: 'stray',
      down: () => (chunk) => {
        caller = current()
        setImmediate(() => (told = caller?.fail(new Error('nobody waited'))))
        return new Promise(() => {}).then(() => chunk)
      },
    },
    { down: ['x'] },
  )
  expect(told).toBe(true)
  expect(result).toMatchObject({
    reason: 'stage-error',
    stage: { name: 'stray', direction: 'down' },
    error: { message: 'stage "stray" (down) failed: nobody waited' },
  })
  expect(caller?.fail(new Error('too late'))).toBe(false)
})
