import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { NETWORK_PROGRAMS, ownNetwork } from '../load/support/network.js'
import { bin } from '../support/spawn-relay.js'
import { Child } from './support/child.js'
import { describeWith } from './support/programs.js'
import { temporaryDirectory } from './support/servers.js'

// Takes questions, and never answers.
const SILENT_NAME_SERVER = `
  require('node:dgram').createSocket('udp4').bind(53, '127.0.0.1', () => console.log('ready'))`

describeWith([...NETWORK_PROGRAMS, 'mount'], 'a relay before an upstream that may be itself', () => {
  const start = (under: readonly string[], ...args: readonly string[]): Child => {
    const [command = '', ...rest] = [...under, process.execPath, bin, 'forward', ...args]
    return new Child(command, rest)
  }

  test('that has the one free port, which the kernel gives to the relay: is refused', async () => {
    const network = await ownNetwork()
    const narrow = "echo '40002 40002' >/proc/sys/net/ipv4/ip_local_port_range"
    const relay = start([...network, 'sh', '-c', `${narrow} && exec "$@"`, '-'], '0', '127.0.0.1:40002')
    expect((await relay.exit).code).toBe(2)
    expect(relay.stderr).toMatch(
      /^relay forward: <upstream>: .*\(127\.0\.0\.1:40002\), got 127\.0\.0\.1:40002; .*\n$/,
    )
  })

  test('with a name that nobody resolves: starts', async () => {
    const network = await ownNetwork()
    const [command = '', ...rest] = [...network, process.execPath, '-e', SILENT_NAME_SERVER]
    await new Child(command, rest).printed(({ stdout }) => stdout.includes('ready'))
    const resolver = join(temporaryDirectory(), 'resolv.conf')
    writeFileSync(resolver, 'nameserver 127.0.0.1\noptions timeout:30\n')
    const mounted = `mount --bind "${resolver}" /etc/resolv.conf && exec "$@"`
    const under = [...network, 'unshare', '--mount', 'sh', '-c', mounted, '-']
    const relay = start(under, '127.0.0.1:9000', 'slow.test:9000')
    await relay.printed(({ stderr }) => stderr.includes('"listening"'))
    // A thread of Node still asks for the name, and its exit waits for the answer: the second signal does not.
    relay.kill('SIGTERM')
    await relay.printed(({ stderr }) => stderr.includes('"stopped"'))
    const impatient = setInterval(() => relay.kill('SIGTERM'), 150) // within 100 ms it would be an echo
    expect(await relay.exit).toEqual({ code: null, signal: 'SIGTERM' })
    clearInterval(impatient)
  })
})
