// What a connector is made of: for @relay/pool, and for those who write one of their own.
export { Cancellation, type CancelSignal, needsNoAbortSignal } from './cancellation.js'
export {
  ConnectionLease,
  type ConnectionLeaseOptions,
  type Lender,
  type RetryStale,
} from './connection-lease.js'
export { undelivered } from './delivery.js'
export { sessionsByDescriptors } from './descriptor-limit.js'
export { type DialTarget, dial } from './dial.js'
export { type DialerOptions, dialTarget } from './dialer.js'
export { errorText } from './error-text.js'
export { LazySignal } from './lazy-signal.js'
export { LineFile, type LineFileOptions } from './line-file.js'
export { type ListenAtOptions, type Listening, listenAt } from './listen-at.js'
export {
  type ConnectionReader,
  type ConnectionUser,
  type ConnectionWriter,
  RawConnection,
} from './raw-connection.js'
export { containedProof } from './reuse-proof.js'
export { SocketFile } from './socket-file.js'
export { followStageCalls, type StageCaller } from './stage-calls.js'
