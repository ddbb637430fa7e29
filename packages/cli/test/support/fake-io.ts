import { EventEmitter } from 'node:events'
import { Writable } from 'node:stream'
import type { Io, Output, Signal } from '../../src/io.js'
import { Lines } from './lines.js'

export interface FakeIo extends Io {
  readonly out: Lines
  readonly err: Lines
  /** As if this process were sent the signal. */
  send(signal: Signal): void
}

export function fakeIo(options: { isTTY?: boolean; env?: Record<string, string> } = {}): FakeIo {
  const signals = new EventEmitter()
  const out = new Lines()
  const err = new Lines()
  return {
    out,
    err,
    stdout: outputTo(out, options.isTTY),
    stderr: outputTo(err, options.isTTY),
    env: options.env ?? {},
    program: 'relay',
    onSignal: (listener) => void signals.on('signal', listener),
    send: (signal) => signals.emit('signal', signal),
  }
}

function outputTo(lines: Lines, isTTY = false): Output {
  const output = new Writable({
    write(chunk, _encoding, done) {
      lines.add(`${chunk}`)
      done()
    },
  })
  return Object.assign(output, { isTTY })
}
