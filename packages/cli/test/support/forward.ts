import { onTestFinished } from 'vitest'
import { type EchoServer, startEcho } from '../../src/echo-server.js'
import { run } from '../../src/main.js'
import { type FakeIo, fakeIo } from './fake-io.js'
import { portOf } from './spawn-relay.js'

export interface ForwardRun {
  readonly io: FakeIo
  readonly exit: Promise<number>
  readonly ready: Record<string, unknown>
  readonly port: number
}

/** `relay forward 0 <upstream>` in this process, stopped when the test is over. */
export async function forward(upstream: string, ...options: readonly string[]): Promise<ForwardRun> {
  const io: FakeIo = fakeIo()
  const exit = run(['forward', '0', upstream, ...options], io)
  onTestFinished(async () => {
    io.send('SIGTERM')
    io.send('SIGINT')
    await exit
  })
  const ready = await io.err.message('listening')
  return { io, exit, ready, port: portOf(ready.listen) }
}

/** The port of an echo in this process. */
export async function echoPort(): Promise<string> {
  const server: EchoServer = await startEcho({ host: '127.0.0.1', port: 0 })
  onTestFinished(() => server.close())
  return `${'port' in server.address && server.address.port}`
}
