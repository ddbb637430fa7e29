import { createHash, randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { run } from './support/child.js'
import { startNginx } from './support/nginx.js'
import { describeWith, program } from './support/programs.js'
import { type RelayProcess, startRelay } from './support/relay-process.js'
import { temporaryDirectory } from './support/servers.js'

const MIB = 1024 * 1024
const PAGES = 200

describeWith(['nginx', 'curl'], 'nginx through relay forward', () => {
  let nginxPort = 0
  let folder = ''

  beforeAll(async () => {
    ;({ port: nginxPort, folder } = await startNginx())
  })

  function curl(relay: RelayProcess, path: string, ...args: string[]): Promise<Buffer> {
    const url = `http://127.0.0.1:${relay.port}/${path}`
    const settings = ['--disable', '--noproxy', '*', '--silent', '--show-error', '--fail']
    return run(program('curl'), [...settings, ...args, url]).then(({ stdout }) => stdout)
  }

  test('a download of 50 MiB is whole', async () => {
    const relay = await startRelay(`127.0.0.1:${nginxPort}`)
    const data = randomBytes(50 * MIB)
    writeFileSync(join(folder, 'pages/large'), data)
    expect(sha256(await curl(relay, 'pages/large'))).toBe(sha256(data))
    const [session] = await relay.ended(1)
    expect(session?.reason).toBe('client-end')
    expect(session?.down).toBeGreaterThan(data.length)
    await relay.expectCleanEnd()
  })

  test('an upload of 50 MiB is whole', async () => {
    const relay = await startRelay(`127.0.0.1:${nginxPort}`)
    const data = randomBytes(50 * MIB)
    writeFileSync(join(folder, 'upload'), data)
    await curl(relay, 'uploads/copy', '--upload-file', join(folder, 'upload'))
    expect(sha256(readFileSync(join(folder, 'uploads/copy')))).toBe(sha256(data))
    expect((await relay.ended(1))[0]?.up).toBeGreaterThan(data.length)
    await relay.expectCleanEnd()
  })

  test(`${PAGES} parallel downloads each get their own page`, async () => {
    const relay = await startRelay(`127.0.0.1:${nginxPort}`)
    const pages = Array.from({ length: PAGES }, () => randomBytes(64 * 1024))
    pages.forEach((page, index) => {
      writeFileSync(join(folder, `pages/${index}`), page)
    })
    const received = temporaryDirectory()
    const parallel = ['--parallel', '--parallel-immediate', '--parallel-max', `${PAGES}`]
    await curl(relay, `pages/[0-${PAGES - 1}]`, ...parallel, '--output', join(received, '#1'))
    expect(readdirSync(received)).toHaveLength(PAGES)
    pages.forEach((page, index) => {
      expect(sha256(readFileSync(join(received, `${index}`))), `page ${index}`).toBe(sha256(page))
    })
    await relay.expectCleanEnd()
    // curl may use a connection again that has become free meanwhile.
    expect(relay.sessions.length).toBeGreaterThan(PAGES / 2)
    expect(new Set(relay.sessions.map(({ reason }) => reason))).toEqual(new Set(['client-end']))
  })

  test('ten requests on one kept-alive connection are one session', async () => {
    const relay = await startRelay(`127.0.0.1:${nginxPort}`)
    const page = randomBytes(1024)
    writeFileSync(join(folder, 'pages/kept'), page)
    const report = ['--output', '/dev/null', '--write-out', '%{num_connects} %{size_download}\n']
    const printed = await curl(relay, 'pages/kept?[1-10]', ...report)
    expect(printed.toString()).toBe(`1 1024\n${'0 1024\n'.repeat(9)}`)
    expect(await relay.ended(1)).toHaveLength(1)
    await relay.expectCleanEnd()
  })
})

function sha256(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex')
}
