// `npm start`: sets up, then runs the demo in this very process. package.json starts this file by `exec`, because npm
// hands SIGTERM to the shell that it runs scripts in, and a shell that waits for us would die of it and leave us behind.
import { setup } from './setup.mjs'

setup()
const { run } = await import('../packages/cli/dist/main.js')
process.exit(await run(['demo', ...process.argv.slice(2)]))
