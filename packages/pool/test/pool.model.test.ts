import fc from 'fast-check'
import { test, vi } from 'vitest'
import { useFakeClock } from './support/fake-clock.js'
import { watch } from './support/outcome.js'
import { PoolWorld, type WorldShape } from './support/pool-world.js'
import { runs } from './support/runs.js'

useFakeClock()

type Command = fc.AsyncCommand<object, PoolWorld>

function command(name: string, run: (world: PoolWorld) => unknown): Command {
  return {
    check: () => true,
    toString: () => name,
    run: async (_model, world) => {
      await run(world)
      await world.verify()
    },
  }
}

const index = fc.nat(5)
const how = fc.constantFrom('release' as const, 'discard' as const, 'detach' as const)

const commands = fc.commands(
  [
    fc
      .record({
        fresh: fc.boolean(),
        timeoutMs: fc.constantFrom(0, 20, 500),
        times: fc.integer({ min: 1, max: 3 }),
      })
      .map(({ fresh, timeoutMs, times }) =>
        command(`borrow(${fresh}, ${timeoutMs}) × ${times}`, (world) => {
          for (let n = 0; n < times; n += 1) world.borrow(fresh, timeoutMs)
        }),
      ),
    fc.constant(command('borrow()', (world) => world.borrow(false, 0))),
    fc.constant(command('tryBorrow()', (world) => world.tryBorrow())),
    fc.tuple(index, how).map(([n, ending]) => command(`${ending}(${n})`, (world) => world.end(n, ending))),
    index.map((n) => command(`release(${n})`, (world) => world.end(n, 'release'))),
    fc
      .tuple(index, how)
      .map(([n, ending]) => command(`${ending}(${n}) again`, (world) => world.endAgain(n, ending))),
    // In one tick: the places where a waiter, or an item, may fall between two.
    fc.tuple(index, index).map(([n, m]) =>
      command(`release(${n}) and abort(${m})`, (world) => {
        world.end(n, 'release')
        world.borrows[m % Math.max(1, world.borrows.length)]?.abort.abort()
      }),
    ),
    fc.tuple(index, index).map(([n, m]) =>
      command(`abort(${m}) and release(${n})`, (world) => {
        world.borrows.at(-1 - m)?.abort.abort()
        world.end(n, 'release')
      }),
    ),
    index.map((n) => command(`abort(-${n})`, (world) => world.borrows.at(-1 - n)?.abort.abort())),
    index.map((n) => command(`created(${n})`, (world) => world.resolveCreate(n))),
    index.map((n) => command(`create failed(${n})`, (world) => world.rejectCreate(n))),
    fc
      .tuple(index, fc.constantFrom(true, true, false, 'reject' as const))
      .map(([n, ok]) => command(`checked(${n}, ${ok})`, (world) => world.settleCheck(n, ok))),
    fc
      .tuple(index, fc.constantFrom('resolve' as const, 'reject' as const))
      .map(([n, end]) => command(`destroyed(${n}, ${end})`, (world) => world.settleDestroy(n, end))),
    index.map((n) => command(`evict(${n})`, (world) => world.evict(n))),
    fc.constantFrom(1, 19, 100, 450, 1_200).map((ms) =>
      command(`advance(${ms})`, async () => {
        await vi.advanceTimersByTimeAsync(ms)
      }),
    ),
    fc.nat(4).map((n) =>
      command(`prewarm(${n})`, (world) => {
        if (world.closed === undefined) watch(world.pool.prewarm(n))
      }),
    ),
    fc.constantFrom(0, 300).map((graceMs) =>
      command(`close(${graceMs})`, (world) => {
        world.closed ??= watch(world.pool.close({ graceMs }))
      }),
    ),
  ],
  { size: 'max', maxCommands: 30 },
)

const shapes: fc.Arbitrary<WorldShape> = fc.record({
  options: fc.record({
    max: fc.integer({ min: 1, max: 4 }),
    maxIdle: fc.nat(3),
    maxWaiters: fc.constantFrom(6, 0),
    maxDialing: fc.integer({ min: 1, max: 3 }),
    createTimeoutMs: fc.constantFrom(100, 0),
    checkTimeoutMs: fc.constantFrom(100, 0),
    destroyTimeoutMs: fc.constantFrom(100, 0),
    idleTimeoutMs: fc.constantFrom(200, 0),
    maxLifetimeMs: fc.constantFrom(0, 400),
    prewarmMaxAgeMs: fc.constantFrom(0, 90),
    maxUses: fc.constantFrom(0, 2),
    idleOrder: fc.constantFrom('lifo' as const, 'fifo' as const),
    prewarm: fc.constantFrom(0, 0, 1, 3),
  }),
  check: fc.constantFrom('none' as const, 'later' as const, 'now' as const),
  destroyLater: fc.boolean(),
  throwEvery: fc.constantFrom(0, 0, 5),
  reenterEvery: fc.constantFrom(0, 0, 3),
})

test('keeps the invariants of a pool at every step of any history', { timeout: 600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(shapes, commands, async (shape, history) => {
      vi.clearAllTimers()
      const world = new PoolWorld(shape)
      await fc.asyncModelRun(() => ({ model: {}, real: world }), history)
      await world.finish()
    }),
    runs(400),
  )
})
