/** A module of a user's, as a spec names it. */
export interface ModuleSpec {
  /** As it was written: a path, or a `file:` URL. */
  readonly path: string
  /** What its factory gets. */
  readonly argument: string | undefined
}

const SCRIPT = /^(.+?\.[cm]?[jt]s)(?::(.*))?$/s
const OTHER = /^((?:file:)?[^:]*\/[^:]*)(?::(.*))?$/s

/** The path and the argument of `./upper.mjs:arg`; `undefined` for what does not look like a path. */
export function parseModuleSpec(spec: string): ModuleSpec | undefined {
  const [, path, argument] = SCRIPT.exec(spec) ?? OTHER.exec(spec) ?? []
  return path === undefined ? undefined : { path, argument }
}
