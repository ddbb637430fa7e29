import { close, constants, fstat, ftruncate, open, openSync, stat, write } from 'node:fs'
import { promisify } from 'node:util'

const { O_APPEND, O_CREAT, O_NOCTTY, O_NONBLOCK, O_WRONLY } = constants

/** To open a file to add to. Who opens a FIFO that nobody reads would else wait for its reader, and with it one of Node's four threads. */
export const ADDING: number = O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_NONBLOCK

/** Calls on plain descriptors, on threads: those of `fs.promises` have an object around each, which closes it when it is collected. */
export const fileCalls: {
  readonly close: typeof close.__promisify__
  readonly fstat: typeof fstat.__promisify__
  readonly ftruncate: typeof ftruncate.__promisify__
  readonly open: typeof open.__promisify__
  readonly stat: typeof stat.__promisify__
  readonly write: typeof write.__promisify__
} = {
  close: promisify(close),
  fstat: promisify(fstat),
  ftruncate: promisify(ftruncate),
  open: promisify(open),
  stat: promisify(stat),
  write: promisify(write),
}

/** Opens a file to add to before it returns; `undefined` for a FIFO that nobody reads. **Fails** with the system's error. */
export function openedNow(path: string): number | undefined {
  try {
    return openSync(path, ADDING)
  } catch (error) {
    if (codeOf(error) === 'ENXIO') return undefined
    throw error
  }
}

/** What the system calls an error. */
export function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code
}
