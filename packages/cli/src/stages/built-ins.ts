import { oneOf, parseCount } from '../arguments.js'
import { Failure } from '../failure.js'
import { parsePositiveSize } from '../size.js'
import { type BuiltIn, builtIn, optional, required } from './built-in.js'
import { parseLatency } from './latency.js'
import { parseRate } from './rate.js'
import { parseReplacement } from './replacement.js'

const compression = {
  algorithm: optional('ALGORITHM', 'gzip, deflate or brotli', 'gzip', oneOf('gzip', 'deflate', 'brotli')),
  level: optional('N', 'how hard to try: 0 to 9, for brotli 0 to 11', '6, for brotli 4', parseCount),
}

/** What `relay stages` lists, specs are parsed by, and docs/cli.md is held to. */
export const builtIns: readonly BuiltIn[] = [
  builtIn({
    name: 'pass',
    meaning: 'lets every byte through as it is',
    parameters: {},
    make: ({ passThrough }) => passThrough(),
  }),
  builtIn({
    name: 'tap',
    meaning: 'shows on stderr what passes',
    parameters: {
      format: optional('FORMAT', 'text, or hex with offsets', 'text', oneOf('text', 'hex')),
    },
    make: ({ tap }, { format }, { write }) => tap({ write, format }),
  }),
  builtIn({
    name: 'throttle',
    meaning: 'limits how fast bytes go, in each direction of each session',
    parameters: {
      rate: required('RATE', 'bytes a second: 64KiB/s, 1MiB/s', parseRate),
      burst: optional(
        'SIZE',
        'what may go at once after a pause: 64KiB',
        'what goes in 50ms',
        parsePositiveSize,
      ),
    },
    make: ({ throttle }, { rate, burst }) => throttle({ bytesPerSecond: rate, burstBytes: burst }),
  }),
  builtIn({
    name: 'delay',
    meaning: 'lets bytes, and the end, through later, in their order',
    parameters: {
      time: required('TIME[±JITTER]', 'how much later: 200ms, 200ms±50ms, 200ms+-50ms', parseLatency),
      seed: optional('N', 'the same seed draws the same jitter', 'another one each time', parseCount),
    },
    make: ({ delay }, { time, seed }) => delay({ ...time, seed }),
  }),
  builtIn({
    name: 'slice',
    meaning: 'cuts what passes into small chunks',
    parameters: { bytes: required('SIZE', 'the most bytes of a chunk: 16, 1KiB', parsePositiveSize) },
    make: ({ slice }, { bytes }) => slice({ bytes }),
  }),
  builtIn({
    name: 'limit',
    meaning: 'ends a session when so much has passed in one direction',
    parameters: { bytes: required('SIZE', 'the most bytes each way: 1MiB', parsePositiveSize) },
    make: ({ limitBytes }, { bytes }) => limitBytes({ bytes }),
  }),
  builtIn({
    name: 'replace',
    meaning: 'puts other bytes in the place of some',
    parameters: {
      bytes: required(
        'FROM=TO',
        String.raw`what by what; \= is a =, and \\ \n \r \t \0 \x1b are bytes`,
        parseReplacement,
      ),
    },
    verbatim: true,
    make: ({ replace }, { bytes }) => replace(bytes),
  }),
  builtIn({
    name: 'compress',
    meaning: 'compresses what goes up, decompresses what comes down',
    parameters: compression,
    make: ({ compress }, values) => compress(values),
  }),
  builtIn({
    name: 'decompress',
    meaning: 'the other end of compress: decompresses what goes up, compresses what comes down',
    parameters: compression,
    make: ({ decompress }, values) => decompress(values),
  }),
  builtIn({
    name: 'record',
    meaning: 'writes what passes to a file, with its time, as JSON lines',
    parameters: { file: required('FILE', 'what is in it stays', parseFile) },
    verbatim: true,
    async make({ record }, { file: path }, { files }) {
      const file = await files.open('recording', path).catch((error: Error) => {
        throw new Failure(1, `record: cannot open ${path}: ${error.message}`)
      })
      const stage = record({ file })
      files.follow(file, stage)
      return stage
    },
  }),
]

function parseFile(text: string): string {
  if (text !== '') return text
  throw new TypeError("expected a file name, got ''")
}
