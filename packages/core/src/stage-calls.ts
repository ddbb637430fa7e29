import { AsyncLocalStorage } from 'node:async_hooks'

/** The stage of a session, while it is called and in all that it begins then. */
export interface StageCaller {
  /** Its code has failed where nobody waited for it. Returns whether that ended its session, which may be over. */
  fail(error: unknown): boolean
}

let storage: AsyncLocalStorage<StageCaller> | undefined

/**
 * From now on new sessions note whose stage is called. What is returned tells whose code is running: also in a handler of
 * `unhandledRejection` and `uncaughtException`, so that an error which nobody waited for ends its own session and no other.
 *
 * Not before somebody asks for it: on Node 20 it makes every promise of the process dearer.
 */
export function followStageCalls(): () => StageCaller | undefined {
  const followed = storage ?? new AsyncLocalStorage<StageCaller>()
  storage = followed
  return () => followed.getStore()
}

/** Whether somebody follows. */
export function areStageCallsFollowed(): boolean {
  return storage !== undefined
}

/** Calls into a stage on behalf of its caller, if there is one. */
export function callStage<A, B, R>(caller: StageCaller | undefined, call: (a: A, b: B) => R, a: A, b: B): R {
  return caller === undefined || storage === undefined ? call(a, b) : storage.run(caller, call, a, b)
}
