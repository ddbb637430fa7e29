import type { Direction, Stage } from '@relay/core'
import { errorText } from '@relay/core/connector'
import { type Command, Option } from 'commander'
import { option } from '../arguments.js'
import { Failure } from '../failure.js'
import type { Surroundings } from './built-in.js'
import { oneWay } from './one-way.js'
import { parseStage, type StageMaker } from './stage-spec.js'

interface WrittenStage {
  readonly flag: string
  readonly direction?: Direction
  readonly make: StageMaker
}

/** The flags that put stages on the way, as one list in the order in which they are written: the first is nearest to the client. */
export class StageFlags {
  readonly #command: Command
  readonly #written: WrittenStage[] = []
  readonly #made: Stage[] = []

  constructor(command: Command) {
    this.#command = command
    this.#add('--stage', 'a stage on the way; relay stages lists them')
    this.#add('--up', 'a stage for what goes to the upstream alone', 'up')
    this.#add('--down', 'a stage for what comes back alone', 'down')
    command.addOption(new Option('-v', 'show on stderr what passes, as text').conflicts('x'))
    command.addOption(new Option('-x', 'show on stderr what passes, in hex'))
  }

  /** Loads and makes them all. **Fails** with a {@link Failure} that names the flag and the stage. */
  async make(surroundings: Surroundings): Promise<Stage[]> {
    const stages: Stage[] = []
    for (const { flag, direction, make } of [...this.#tap(), ...this.#written]) {
      try {
        const stage = await make(surroundings)
        this.#made.push(stage)
        stages.push(direction === undefined ? stage : oneWay(stage, direction))
      } catch (error) {
        const exitCode = error instanceof Failure ? error.exitCode : 2
        throw new Failure(exitCode, `${flag}: ${(error as Error).message}`)
      }
    }
    return stages
  }

  /** Has each stage let go of what it holds; no session is left by then. */
  close(): void {
    for (const stage of this.#made) {
      try {
        ;(stage as Partial<Disposable>)[Symbol.dispose]?.()
      } catch (error) {
        process.emitWarning(errorText(error))
      }
    }
  }

  #add(flag: string, description: string, direction?: Direction): void {
    const parse = (text: string): void => {
      this.#written.push({ flag, make: parseStage(text), ...(direction && { direction }) })
    }
    this.#command.addOption(option(`${flag} <spec>`, description, parse))
  }

  #tap(): WrittenStage[] {
    const { v, x } = this.#command.opts<{ v?: true; x?: true }>()
    if (x === true) return [{ flag: '-x', make: parseStage('tap:hex') }]
    return v === true ? [{ flag: '-v', make: parseStage('tap:text') }] : []
  }
}
