// `npm start`: sets up, then runs the demo in this very process. package.json starts this file by `exec`, because npm
// hands SIGTERM to the shell that it runs scripts in, and a shell that waits for us would die of it and leave us behind.
import { setup } from './setup.mjs'

setup()

// A terminal sends Ctrl-C to npm and to us, and npm then sends it to us again. A second one means 'now, at once' to the
// command, so the echo must not reach it.
const { emit } = process
let lastAt = Number.NEGATIVE_INFINITY
process.emit = function emitOnce(event, ...args) {
  if (event !== 'SIGINT') return emit.call(this, event, ...args)
  const echo = performance.now() - lastAt < 100
  lastAt = performance.now()
  return echo || emit.call(this, event, ...args)
}

const { run } = await import('../packages/cli/dist/main.js')
process.exitCode = await run(['demo', ...process.argv.slice(2)])
