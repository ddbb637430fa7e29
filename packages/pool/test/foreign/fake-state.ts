/** What a Redis connection remembers from one command to the next. */
export interface ConnectionState {
  db: number
  user: string
  name: string
  resp: 2 | 3
  library: string
  queued: string[][] | undefined
  watched: number
  subscriptions: number
  tracking: boolean
  readOnly: boolean
}

export function freshState(): ConnectionState {
  return {
    db: 0,
    user: 'default',
    name: '',
    resp: 2,
    library: '',
    queued: undefined,
    watched: 0,
    subscriptions: 0,
    tracking: false,
    readOnly: false,
  }
}

const FRESH = JSON.stringify(freshState())

/** What is not as on a fresh connection; `undefined` when all is. */
export function leftovers(state: ConnectionState): string | undefined {
  const now = JSON.stringify(state)
  return now === FRESH ? undefined : now
}
