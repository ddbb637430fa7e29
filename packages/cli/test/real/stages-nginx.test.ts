import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { run } from './support/child.js'
import { startNginx } from './support/nginx.js'
import { describeWith, program } from './support/programs.js'
import { settingNames, startStaged } from './support/staged-relays.js'

const MIB = 1024 * 1024

describeWith(['nginx', 'curl'], 'nginx through stages', () => {
  let nginxPort = 0
  let folder = ''

  beforeAll(async () => {
    ;({ port: nginxPort, folder } = await startNginx())
  })

  function curl(port: number, path: string, ...args: string[]): Promise<Buffer> {
    const url = `http://127.0.0.1:${port}/${path}`
    const settings = ['--disable', '--noproxy', '*', '--silent', '--show-error', '--fail']
    return run(program('curl'), [...settings, ...args, url]).then(({ stdout }) => stdout)
  }

  describe.each(settingNames)('%s', (setting) => {
    test('a download and an upload are whole', async () => {
      const relays = await startStaged(setting, nginxPort)
      const data = randomBytes(setting.includes('single bytes') ? MIB / 16 : 4 * MIB)
      writeFileSync(join(folder, 'pages/data'), data)
      expect((await curl(relays.port, 'pages/data')).equals(data)).toBe(true)
      await curl(relays.port, 'uploads/data', '--upload-file', join(folder, 'pages/data'))
      expect(readFileSync(join(folder, 'uploads/data')).equals(data)).toBe(true)
      await relays.near.ended(2)
      await relays.far.ended(2)
      await relays.expectCleanEnd()
    })

    test('ten requests on one kept-alive connection are one session', async () => {
      const relays = await startStaged(setting, nginxPort)
      writeFileSync(join(folder, 'pages/kept'), randomBytes(1024))
      const report = ['--output', '/dev/null', '--write-out', '%{num_connects} %{size_download}\n']
      const printed = await curl(relays.port, 'pages/kept?[1-10]', ...report)
      expect(printed.toString()).toBe(`1 1024\n${'0 1024\n'.repeat(9)}`)
      await relays.near.ended(1)
      await relays.far.ended(1)
      await relays.expectCleanEnd()
    })
  })

  test('a text is far shorter between the relays of a compressed tunnel', async () => {
    const relays = await startStaged('a tunnel compressed by gzip', nginxPort)
    const page = Array.from({ length: 50_000 }, (_, line) => `line ${line} of a log that says little\n`).join(
      '',
    )
    writeFileSync(join(folder, 'pages/log'), page)
    expect((await curl(relays.port, 'pages/log')).toString()).toBe(page)
    const [near] = await relays.near.ended(1)
    const [far] = await relays.far.ended(1)
    expect(near?.down).toBeGreaterThan(page.length)
    expect(far?.down).toBeLessThan(page.length / 5)
    await relays.expectCleanEnd()
  })
})
