import { afterAll, afterEach, beforeEach } from 'vitest'

type CleanUp = () => void | Promise<void>

const cleanUps: CleanUp[] = []
let madeBeforeTest = 0

/** Runs when what it is called in is over, passed or failed: the test, or, out of `beforeAll`, the file. The last one runs first. */
export function cleanUp(task: CleanUp): void {
  cleanUps.push(task)
}

beforeEach(() => {
  madeBeforeTest = cleanUps.length
})
afterEach(() => unwind(madeBeforeTest))
afterAll(() => unwind(0))

async function unwind(length: number): Promise<void> {
  const failures: unknown[] = []
  while (cleanUps.length > length) {
    try {
      await cleanUps.pop()?.()
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, 'cleaning up failed')
}
