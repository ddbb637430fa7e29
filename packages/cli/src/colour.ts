import type { Io } from './io.js'
import type { LineSink } from './line-sink.js'

/** Whether lines for people may be in colour: on a terminal that can show it, to a person who has not said no. */
export function hasColour({ isTTY }: Pick<LineSink, 'isTTY'>, env: Io['env']): boolean {
  return isTTY && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb'
}
