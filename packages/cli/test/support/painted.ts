import { fileURLToPath } from 'node:url'

/** Arguments for node: the command paints memory that it has read into the moment it is free, so that whoever still sends it sends paint. */
export const painted: readonly string[] = [
  '--import',
  fileURLToPath(new URL('../../../core/test/support/painted-build.mjs', import.meta.url)),
]
