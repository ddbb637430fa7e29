import { isatty } from 'node:tty'
import type { Signal } from './io.js'

const stopping = ['SIGINT', 'SIGTERM'] as const
// By the one or the other a program is told that its log was renamed.
const reopening = ['SIGHUP', 'SIGUSR1'] as const

const terminals = [0, 1, 2].filter((fd) => isatty(fd))

/** From now on no signal that means nothing, or not yet, ends the process, or, as SIGUSR1 does in Node, opens a debugger. */
export function calmSignals(): void {
  for (const signal of [...reopening, 'SIGUSR2'] as const) process.on(signal, () => {})
}

/** Calls `listener` for each signal to stop; the end of the terminal is one. */
export function onStopSignal(listener: (signal: Signal) => void): void {
  for (const signal of stopping) process.on(signal, listener)
  process.on('SIGHUP', () => {
    if (terminalIsGone()) listener('SIGHUP')
  })
}

/** Calls `listener` for each signal that asks to open logs anew. */
export function onReopenSignal(listener: () => void): void {
  for (const signal of reopening)
    process.on(signal, () => {
      if (!terminalIsGone()) listener()
    })
}

// A terminal that was closed, or whose line hung up, sends SIGHUP, and is a terminal no more.
function terminalIsGone(): boolean {
  return terminals.some((fd) => !isatty(fd))
}
