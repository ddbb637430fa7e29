import type { Stage } from '@relay/core'
import type { LogFiles } from '../log-files.js'

/** The stages of core, imported only when one is asked for. */
export type CoreStages = typeof import('@relay/core/stages')

/** What the command gives a stage beside its arguments. */
export interface Surroundings {
  /** Takes the lines of a tap. */
  readonly write: (lines: string) => void
  /** Opens files to add lines to. */
  readonly files: LogFiles
}

/** One argument of a built-in stage. The first is written behind the colon, the others as `name=value`. */
export interface Parameter<Value = unknown> {
  /** How help writes its value: `SIZE`. */
  readonly value: string
  readonly meaning: string
  /** What applies when it is left out, in words; `undefined`: it can't be. */
  readonly preset: string | undefined
  /** **Fails** with an error that says what is accepted. */
  readonly parse: (text: string) => Value
}

/** A stage that has a name in a spec. */
export interface BuiltIn {
  readonly name: string
  readonly meaning: string
  readonly parameters: Readonly<Record<string, Parameter>>
  /** Its one argument is all that is behind the colon, commas too. */
  readonly verbatim: boolean
  make(
    core: CoreStages,
    values: Readonly<Record<string, unknown>>,
    surroundings: Surroundings,
  ): Stage | Promise<Stage>
}

/** An argument that has to be there. */
export function required<Value>(
  value: string,
  meaning: string,
  parse: (text: string) => Value,
): Parameter<Value> {
  return { value, meaning, preset: undefined, parse }
}

/** An argument that can be left out; `preset` says what applies then. */
export function optional<Value>(
  value: string,
  meaning: string,
  preset: string,
  parse: (text: string) => Value,
): Parameter<Value | undefined> {
  return { value, meaning, preset, parse }
}

type Values<Parameters> = {
  readonly [Name in keyof Parameters]: Parameters[Name] extends Parameter<infer Value> ? Value : never
}

/** A built-in, its `make` typed by its parameters. */
export function builtIn<const Parameters extends Readonly<Record<string, Parameter>>>(definition: {
  name: string
  meaning: string
  parameters: Parameters
  verbatim?: boolean
  make: (core: CoreStages, values: Values<Parameters>, surroundings: Surroundings) => Stage | Promise<Stage>
}): BuiltIn {
  return { verbatim: false, ...definition } as BuiltIn
}

/** A spec of the stage as help writes it: `throttle:RATE[,burst=SIZE]`. */
export function syntaxOf({ name, parameters }: BuiltIn): string {
  const [first, ...others] = Object.entries(parameters)
  if (first === undefined) return name
  const named = others.map(([key, { value, preset }]) => {
    return preset === undefined ? `,${key}=${value}` : `[,${key}=${value}]`
  })
  const [, { value, preset }] = first
  const all = `:${value}${named.join('')}`
  return preset === undefined ? `${name}${all}` : `${name}[${all}]`
}
