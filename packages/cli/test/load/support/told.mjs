import { createInterface } from 'node:readline'

// How a peer's process and its test talk: one JSON object a line on stdout, one word a line on stdin.

/** Tells the test. */
export function say(fields) {
  process.stdout.write(`${JSON.stringify(fields)}\n`)
}

const waiting = new Map()
const early = new Set()

/** Resolves when the test has written the word, whether before or after this call; each word once. */
export function told(word) {
  if (early.delete(word)) return Promise.resolve()
  return new Promise((resolve) => waiting.set(word, resolve))
}

createInterface({ input: process.stdin })
  .on('line', (word) => {
    const resolve = waiting.get(word)
    if (resolve === undefined) early.add(word)
    waiting.delete(word)
    resolve?.()
  })
  // Whoever started this process is gone.
  .on('close', () => process.exit())
