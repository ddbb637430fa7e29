const killedBy: Readonly<Record<number, NodeJS.Signals>> = { 130: 'SIGINT', 143: 'SIGTERM' }

/**
 * Ends the process with this code.
 *
 * Node's exit waits for the threads that ask a name server or a disk, for as long as those do not answer. A second signal is not to wait
 * for that: who was forced to leave is then ended by the signal itself, and one that comes later is no longer caught.
 */
export function endProcess(exitCode: number): never {
  for (const signal of ['SIGINT', 'SIGTERM']) process.removeAllListeners(signal)
  const signal = killedBy[exitCode]
  if (signal !== undefined && hasBusyThread()) process.kill(process.pid, signal)
  process.exit(exitCode)
}

function hasBusyThread(): boolean {
  return process.getActiveResourcesInfo().some((kind) => /^(FSReq|GetAddrInfoReq)/.test(kind))
}
