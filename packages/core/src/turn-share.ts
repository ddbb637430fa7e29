// How much of one turn of the event loop endings may take: thousands of sessions that end together must not hold up the others.
const SHARE_MS = 5

const waiting: (() => void)[] = []
let next = 0
let shareEndsAt = 0

/** Runs a task at once; or, when tasks have taken their share of this turn of the event loop, in its order in one of the next. */
export function inTurn(task: () => void): void {
  if (shareEndsAt === 0) {
    shareEndsAt = performance.now() + SHARE_MS
    setImmediate(onTurn)
  }
  if (waiting.length === 0 && performance.now() < shareEndsAt) task()
  else waiting.push(task)
}

function onTurn(): void {
  shareEndsAt = 0
  if (waiting.length === 0) return
  shareEndsAt = performance.now() + SHARE_MS
  setImmediate(onTurn)
  // One at least: a process that hardly runs may find each share over before it has begun.
  do waiting[next++]?.()
  while (next < waiting.length && performance.now() < shareEndsAt)
  if (next < waiting.length) return
  waiting.length = 0
  next = 0
}
