import type { Signal } from './io.js'
import type { Shell } from './shell.js'
import type { Stop } from './stop.js'

// A terminal sends Ctrl-C to npm and to us, and npm sends it to us once more. No hand is this quick.
const ECHO_MS = 100

/**
 * Listens from now on: the first signal asks the command to stop, a second one forces it to, with the exit code of a killed process. The
 * end of a terminal is never the second: it may be told many times.
 */
export function stopSignals({ stop, onSignal, worker }: Pick<Shell, 'stop' | 'onSignal' | 'worker'>): Stop {
  let last: { signal: Signal; at: number } | undefined
  onSignal((signal) => {
    const at = performance.now()
    const echo = last?.signal === signal && at - last.at < ECHO_MS
    if (last === undefined) stop.ask(signal)
    else if (signal === 'SIGHUP') return
    else if (!echo) stop.force(signal === 'SIGINT' ? 130 : 143)
    last = { signal, at }
  })
  worker?.onForced((exitCode) => stop.force(exitCode))
  return stop
}
