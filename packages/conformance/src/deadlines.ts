/** What the relay under test was told about time; a case that needs one of them is run only if it is known. */
export interface Deadlines {
  /** No byte either way this long ends a session. */
  readonly idleMs?: number | undefined
  /** No session lasts longer. */
  readonly maxDurationMs?: number | undefined
}
