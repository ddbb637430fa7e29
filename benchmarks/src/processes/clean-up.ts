const pending = new Set<() => void>()
let armed = false

/**
 * Has `action` done before this process ends, however it ends: at its end, on an error, on Ctrl-C. It must not wait. Returns what
 * does it now instead.
 */
export function cleanUp(action: () => void): () => void {
  arm()
  pending.add(action)
  return () => {
    if (pending.delete(action)) action()
  }
}

function arm(): void {
  if (armed) return
  armed = true
  process.on('exit', () => {
    // The last thing begun is the first to go: a folder after the process that uses it.
    for (const action of [...pending].reverse()) action()
  })
  process.on('SIGINT', () => process.exit(130))
  process.on('SIGTERM', () => process.exit(143))
}
