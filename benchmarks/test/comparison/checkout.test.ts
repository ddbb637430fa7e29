import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openCheckout } from '../../src/comparison/checkout.js'

let folder: string
let cli: string

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'relay-checkout-')))
  cli = join(folder, 'packages/cli')
  mkdirSync(join(cli, 'node_modules/@relay'), { recursive: true })
  mkdirSync(join(folder, 'packages/core'))
})

afterEach(() => rmSync(folder, { recursive: true }))

function build(): void {
  mkdirSync(join(cli, 'dist'))
  writeFileSync(join(cli, 'dist/main.js'), '')
}

describe('a checkout to compare with', () => {
  it('is a folder with a built relay, under git or not', () => {
    build()
    symlinkSync('../../../core', join(cli, 'node_modules/@relay/core'))
    expect(openCheckout(folder)).toEqual({
      path: folder,
      commit: undefined,
      file: join(cli, 'bin/relay.js'),
    })
  })

  it('is refused when nothing has been built', () => {
    expect(() => openCheckout(folder)).toThrow(
      `${join(cli, 'dist/main.js')} is missing: run 'npm run build' in ${folder} first`,
    )
  })

  it('is refused when its packages are those of another checkout', () => {
    build()
    symlinkSync(tmpdir(), join(cli, 'node_modules/@relay/core'))
    expect(() => openCheckout(folder)).toThrow(`expected the checkout's own`)
  })

  it('is refused when there is no such folder', () => {
    expect(() => openCheckout(join(folder, 'x'))).toThrow('no such folder')
  })
})
