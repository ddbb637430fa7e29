import { type WordTrie, wordTrie } from './memcached-words.js'

/*
 * The memcached commands that leave nothing on the connection that carried them and are answered exactly once, each with the tokens
 * that may follow its name. The criterion is the *connection's* state, never the cache: `flush_all` is stateless here.
 *
 * All others taint. Those with a reason of their own:
 *
 * - The meta flag `q` — answered or not, depending on how it went.
 * - `watch`, `lru_crawler metadump`, `lru_crawler mgdump` — streams of lines.
 * - `quit`, `shutdown`, `misbehave` — the end of the connection, of the server, of its security. A `quit` is the client's goodbye, and
 *   sent only where one cannot be.
 * - `lru`, `lru_crawler`, `slabs`, `cache_memlimit`, `extstore`, `debugtime`, `refresh_certs`, `stats detail`, `stats cachedump` — an
 *   administrator's, with answers that differ from version to version.
 * - `bget` — undocumented.
 *
 * Those that are `quiet` may end in `noreply`: then they are not answered, unless by an error. A key may be named `noreply`, but memcached
 * takes `touch k noreply` for a quiet command with a wrong number, so numbers must be numbers.
 */

/** What a token may be. */
export const KEY = 1
const NUMBER = 2
/** Expiration times: negative means already expired. */
export const SIGNED = 3
/** Of the data block that follows the line. */
export const LENGTH = 4
/** Of a meta command. */
export const FLAG = 5
/** Of `stats`. */
export const SUBCOMMAND = 6
/** The word `noreply`. */
export const NOREPLY = 7

/** How a request is answered. */
export const GET = 1
export const GETS = 2
export const STORE = 3
export const DELETE = 4
export const TOUCH = 5
export const ARITHMETIC = 6
export const VERSION = 7
export const OK = 8
export const STATS = 9
export const STATS_RESET = 10
export const META_GET = 11
export const META_GET_VALUE = 12
export const META_SET = 13
export const META_DELETE = 14
export const META_ARITHMETIC = 15
export const META_ARITHMETIC_VALUE = 16
export const META_NOOP = 17
export const META_DEBUG = 18

export interface Command {
  readonly answer: number
  /** What follows the name; the last one may come `many` times. */
  readonly tokens: readonly number[]
  readonly required: number
  readonly many: boolean
  readonly quiet: boolean
}

const grammar: Readonly<Record<string, Command>> = {
  get: command(GET, [KEY], { many: true }),
  gets: command(GETS, [KEY], { many: true }),
  gat: command(GET, [SIGNED, KEY], { many: true }),
  gats: command(GETS, [SIGNED, KEY], { many: true }),
  set: command(STORE, [KEY, NUMBER, SIGNED, LENGTH], { quiet: true }),
  add: command(STORE, [KEY, NUMBER, SIGNED, LENGTH], { quiet: true }),
  replace: command(STORE, [KEY, NUMBER, SIGNED, LENGTH], { quiet: true }),
  append: command(STORE, [KEY, NUMBER, SIGNED, LENGTH], { quiet: true }),
  prepend: command(STORE, [KEY, NUMBER, SIGNED, LENGTH], { quiet: true }),
  cas: command(STORE, [KEY, NUMBER, SIGNED, LENGTH, NUMBER], { quiet: true }),
  delete: command(DELETE, [KEY], { quiet: true }),
  touch: command(TOUCH, [KEY, SIGNED], { quiet: true }),
  incr: command(ARITHMETIC, [KEY, NUMBER], { quiet: true }),
  decr: command(ARITHMETIC, [KEY, NUMBER], { quiet: true }),
  version: command(VERSION, []),
  verbosity: command(OK, [NUMBER], { quiet: true }),
  flush_all: command(OK, [NUMBER], { required: 0, quiet: true }),
  stats: command(STATS, [SUBCOMMAND], { required: 0 }),
  mg: command(META_GET, [KEY, FLAG], { required: 1, many: true }),
  ms: command(META_SET, [KEY, LENGTH, FLAG], { required: 2, many: true }),
  md: command(META_DELETE, [KEY, FLAG], { required: 1, many: true }),
  ma: command(META_ARITHMETIC, [KEY, FLAG], { required: 1, many: true }),
  me: command(META_DEBUG, [KEY, FLAG], { required: 1, many: true }),
  mn: command(META_NOOP, []),
}

function command(
  answer: number,
  tokens: readonly number[],
  { required = tokens.length, ...may }: Partial<Pick<Command, 'required' | 'many' | 'quiet'>> = {},
): Command {
  return { answer, tokens, required, many: false, quiet: false, ...may }
}

/** Of each name the index in `commands`. */
export const commandNames: WordTrie = wordTrie(
  Object.fromEntries(Object.keys(grammar).map((name, index) => [name, index + 1])),
)
export const commands: readonly (Command | undefined)[] = [undefined, ...Object.values(grammar)]

/** Of each subcommand of `stats` how it is answered. */
export const statsNames: WordTrie = wordTrie({
  items: STATS,
  slabs: STATS,
  sizes: STATS,
  settings: STATS,
  conns: STATS,
  reset: STATS_RESET,
})

/** By its letter: a flag that changes neither whether a meta command is answered nor how often. `q` does. */
export const flags: Uint8Array = new Uint8Array(256)
for (const letter of Buffer.from('bcCDEfFhIJklLMNOPRsStTuvx')) flags[letter] = 1
