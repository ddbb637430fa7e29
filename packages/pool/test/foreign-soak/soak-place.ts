import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { certificate } from '../../../core/test/support/certificate.js'

/** Where the unix sockets of a run are, and the keys of its TLS servers. */
export class SoakPlace implements Disposable {
  readonly keys: { readonly key: string; readonly cert: string } = certificate()
  readonly ca: string
  readonly #folder: string = mkdtempSync(join(tmpdir(), 'relay-soak-'))
  #sockets = 0

  constructor() {
    this.ca = join(this.#folder, 'ca.pem')
    writeFileSync(this.ca, this.keys.cert)
  }

  /** A path that no socket has had. */
  path(): string {
    return join(this.#folder, `${++this.#sockets}.sock`)
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true })
  }
}
