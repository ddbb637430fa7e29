export { type Address, type AddressLike, formatAddress, parseAddress } from './address.js'
export type { SessionCloseMessage, SessionOpenMessage } from './channels.js'
export type { CloseReason, RelayResult } from './close-reason.js'
export { composeStages } from './compose-stages.js'
export { type DialerOptions, dialer } from './dialer.js'
export { type Phase, RelayError, type RelayErrorCode, type RelayErrorOptions, type Side } from './errors.js'
export {
  GuardedSocket,
  type GuardedSocketOptions,
  type InterruptOptions,
  type InterruptResult,
  type InterruptWhy,
  type Validity,
} from './guarded-socket.js'
export type { ConnectContext, Connector, Lease, LeaseOrigin } from './lease.js'
export { type RelayOptions, relay } from './relay.js'
export type { Goodbye, ProofState, ReuseProof, ReuseRule } from './reuse-proof.js'
export {
  createRelayServer,
  RelayServer,
  type RelayServerOptions,
  type RelayServerStats,
  type SessionSnapshot,
} from './server.js'
export type { SessionInfo } from './session-info.js'
export {
  type Direction,
  defineStage,
  flushable,
  type Many,
  many,
  none,
  type OpenStage,
  type Stage,
  type StageContext,
  type Step,
  type StepFunction,
  type StepOutput,
  type Steps,
  type StepValue,
  stop,
} from './stage.js'
export type { StageList } from './stage-list.js'
export type { StageRef } from './stage-pipeline.js'
