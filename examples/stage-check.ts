// Tests of a stage, with the kit and no test framework: whole sessions, in memory or over TCP.
import { once } from 'node:events'
import { relay } from '@relay/core'
import { checkStage, runStage, socketPair } from '@relay/core/testing'
import { frame, redactPasswords } from './redact-passwords.js'

// #region check
const sent = [frame({ user: 'ada', password: 'secret' }), frame({ ask: 'weather' })]
const seen = [frame({ user: 'ada', password: '***' }), frame({ ask: 'weather' })]

await checkStage({
  stage: () => redactPasswords,
  examples: [
    { direction: 'up', input: Buffer.concat(sent), output: Buffer.concat(seen) },
    { direction: 'down', input: 'whatever the server says' },
  ],
  broken: [
    { direction: 'up', input: Buffer.of(0, 0, 0, 2, 0x7b) },
    { direction: 'up', input: Buffer.of(0, 0, 0, 1, 0x7b) },
    { direction: 'up', input: Buffer.of(0xff, 0xff, 0xff, 0xff) },
  ],
})
// #endregion
console.log('the stage keeps the contract')

// #region run
const { up, down, result } = await runStage(redactPasswords, { up: sent, down: ['fine'] })
console.log(`the upstream got ${up.toString('latin1')}, the client ${down}: ${result.reason}`)
// #endregion

// #region pair
const [client, near] = await socketPair()
const [far, upstream] = await socketPair()
const done = relay(near, far, { stages: [redactPasswords] })
client.end(Buffer.concat(sent))
console.log('over TCP:', (await once(upstream, 'data')).toString())
upstream.end()
client.resume()
console.log((await done).reason)
// #endregion
