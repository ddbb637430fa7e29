import { errorText, followStageCalls, type StageCaller } from '@relay/core/connector'
import type { Fields, Log } from './log.js'
import type { Shell } from './shell.js'

/** What an error that nobody caught or waited for does: `contain` ends the session whose stage it is of, `exit` the process. */
export const strayErrorModes = ['contain', 'exit'] as const

export type StrayErrorMode = (typeof strayErrorModes)[number]

let currentCaller: () => StageCaller | undefined = () => undefined

/** From now on it is known whose stage an error is of. Called before a user's module is loaded. */
export function attributeStrayErrors(): void {
  currentCaller = followStageCalls()
}

/** Has errors that nobody caught or waited for end one session, or be logged: no other session ends by them. */
export function handleStrayErrors({ onStrayError, stop }: Shell, log: Log, mode: StrayErrorMode): void {
  onStrayError?.((error) => {
    const ended = currentCaller()?.fail(error) === true
    if (ended && mode === 'contain') return
    log('error', 'stray error', describe(error))
    if (mode === 'exit') stop.force(1)
  })
}

function describe(error: unknown): Fields {
  return { error: errorText(error), ...origin(error) }
}

// An error that nobody caught may be anything, also one that throws when it is looked at.
function origin(error: unknown): { code?: string; at?: string } {
  try {
    const { code, stack } = error as NodeJS.ErrnoException
    const [, at] = /^\s+at (.+)$/m.exec(String(stack)) ?? []
    return { ...(typeof code === 'string' && { code }), ...(at !== undefined && { at }) }
  } catch {
    return {}
  }
}
