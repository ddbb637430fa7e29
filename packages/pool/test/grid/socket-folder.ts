import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A place for one unix socket. */
export class SocketFolder {
  readonly path: string
  readonly #folder: string

  constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), 'relay-grid-'))
    this.path = join(this.#folder, 'socket')
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true })
  }
}
