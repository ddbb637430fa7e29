import { join } from 'node:path'
import { expect, test } from 'vitest'
import { NETWORK_PROGRAMS, ownNetwork } from '../load/support/network.js'
import { Child, run } from './support/child.js'
import { exchange } from './support/node-peers.js'
import { describeWith, program } from './support/programs.js'
import { startRelay } from './support/relay-process.js'
import { temporaryDirectory } from './support/servers.js'

const ECHO = `
  const server = require('node:net').createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket).on('error', () => {}))
  server.listen(0, '127.0.0.1', () => console.log(server.address().port))`

describeWith(NETWORK_PROGRAMS, 'an upstream that vanishes while its connections are pooled', () => {
  test.each([
    ['reused', ['--reuse', 'lines']],
    ['opened ahead', ['--prewarm', '1']],
  ] as const)(
    'holds the client of one that is %s for as long as a dial may take, and no longer',
    async (_origin, flags) => {
      const network = await ownNetwork()
      const inside = (...command: readonly string[]): [string, string[]] => {
        const [first = '', ...rest] = [...network, ...command]
        return [first, rest]
      }
      const link = (state: 'up' | 'down'): Promise<unknown> =>
        run(...inside(program('ip'), 'link', 'set', 'lo', state))
      const server = new Child(...inside(process.execPath, '-e', ECHO))
      await server.printed(({ stdout }) => stdout.includes('\n'))
      const path = join(temporaryDirectory(), 'relay.sock')
      const relay = await startRelay(`127.0.0.1:${Number(server.stdout.toString())}`, {
        listen: `unix:${path}`,
        under: network,
        flags: [...flags, '--connect-timeout', '1s'],
      })
      expect((await exchange(path, 'one\n')).data.toString()).toBe('one\n')
      await relay.ended(1)
      expect((await exchange(path, 'more\n')).data.toString()).toBe('more\n')
      await relay.ended(2)
      await link('down')
      expect((await exchange(path, 'two\n')).data.toString()).toBe('')
      expect((await relay.ended(3))[2]).toMatchObject({ reason: 'upstream-error', code: 'ERR_RELAY_PEER' })
      await link('up')
      expect((await exchange(path, 'three\n')).data.toString()).toBe('three\n')
    },
  )
})
