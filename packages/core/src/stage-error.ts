import { RelayError } from './errors.js'
import type { StageRef } from './stage-pipeline.js'

/** The error of a session that a stage has ended. */
export function stageError(stage: StageRef, what: string, cause?: unknown): RelayError {
  const message = `stage "${stage.name}" (${stage.direction}) ${what}`
  return new RelayError('ERR_RELAY_STAGE', message, { phase: 'transfer', cause })
}
