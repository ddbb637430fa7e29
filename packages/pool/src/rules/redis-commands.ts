/*
 * What each Redis command leaves behind on the connection that carried it. The criterion is the
 * *connection's* state and the number of answers, never the data: `FLUSHALL` and `SCRIPT LOAD` are stateless
 * here, `SELECT` is not.
 *
 * A command that is not in these tables taints. So do the ones in `tainting`; they are written down for their
 * reasons, and so that `redis({ stateless })` refuses to declare them harmless.
 */

/** Taints: unknown, or known to leave something that `RESET` does not remove. */
export const TAINT = 0
/** Leaves nothing, is answered exactly once. */
export const STATELESS = 1
/** Leaves state that `RESET` removes. */
export const DIRTY = 2
/** `HELLO`: dirty, and its answer says which protocol follows. */
export const HELLO = 3
/** `MULTI`, `WATCH`: dirty until `EXEC`, `DISCARD` or `RESET` is seen to succeed. */
export const OPEN = 4
/** `EXEC`, `DISCARD`: end what `OPEN` began, if the answer is no error. */
export const CLOSE = 5
/** `RESET`: removes everything dirty, if answered `+RESET`. */
export const RESET = 6
/** Harmless when refused with an error, else taints. */
export const IF_REFUSED = 7
/** `CLIENT SETINFO`, by attribute: stays until the same command empties it, for `RESET` leaves it alone. */
export const LIB_NAME = 8
const LIB_VER = 9
/** `MULTI`: as `OPEN`, and what follows is queued, so nothing of it blocks. */
export const MULTI = 10
/** Answered late, and meant to end with its client: what it pops is lost with a client that has left. */
export const BLOCKING = 11
/** Stateless, unless one of its arguments is a word below it in the walk, whose verdict holds then. */
export const BY_ARGUMENTS = 12

const stateless: readonly string[] = [
  // Keys and strings.
  'append bitcount bitfield bitfield_ro bitop bitpos copy decr decrby del dump exists expire expireat',
  'expiretime get getbit getdel getex getrange getset incr incrby incrbyfloat keys lcs mget migrate move',
  'mset msetnx persist pexpire pexpireat pexpiretime psetex pttl randomkey rename renamenx restore scan set',
  'setbit setex setnx setrange sort sort_ro strlen substr touch ttl type unlink',
  // Hashes.
  'hdel hexists hexpire hexpireat hexpiretime hget hgetall hgetdel hgetex hincrby hincrbyfloat hkeys hlen',
  'hmget hmset hpersist hpexpire hpexpireat hpexpiretime hpttl hrandfield hscan hset hsetex hsetnx hstrlen',
  'httl hvals',
  // Lists, sets, sorted sets.
  'lindex linsert llen lmove lmpop lpop lpos lpush lpushx lrange lrem lset ltrim rpop rpoplpush rpush rpushx',
  'sadd scard sdiff sdiffstore sinter sintercard sinterstore sismember smembers smismember smove spop',
  'srandmember srem sscan sunion sunionstore',
  'zadd zcard zcount zdiff zdiffstore zincrby zinter zintercard zinterstore',
  'zlexcount zmpop zmscore zpopmax zpopmin zrandmember zrange zrangebylex zrangebyscore zrangestore zrank',
  'zrem zremrangebylex zremrangebyrank zremrangebyscore zrevrange zrevrangebylex zrevrangebyscore zrevrank',
  'zscan zscore zunion zunionstore',
  // Geo, HyperLogLog, streams: a consumer belongs to its group, not to the connection.
  'geoadd geodist geohash geopos georadius georadius_ro georadiusbymember georadiusbymember_ro geosearch',
  'geosearchstore',
  'pfadd pfcount pfmerge',
  'xack xackdel xadd xautoclaim xclaim xdel xdelex xlen xpending xrange xrevrange xsetid xtrim',
  // Scripts run in a client of their own: what they SELECT ends with them (since 2.8.12), they may not
  // call CLIENT, HELLO, AUTH, WATCH or SUBSCRIBE, and nothing blocks in them.
  'eval eval_ro evalsha evalsha_ro fcall fcall_ro',
  // The server. UNWATCH only removes.
  'bgrewriteaof bgsave command dbsize echo flushall flushdb info lastsave lolwut ping publish role save',
  'spublish swapdb time unwatch',
]

// All that blocks and is listed; CLIENT PAUSE, DEBUG SLEEP, FAILOVER, MONITOR, SHUTDOWN and SUBSCRIBE taint.
// WAIT and WAITAOF *read* the connection's last write offset: an earlier session can make them wait for more,
// never for less.
const blocking = 'blmove blmpop blpop brpop brpoplpush bzmpop bzpopmax bzpopmin wait waitaof'

const statelessSubcommands: Readonly<Record<string, string>> = {
  acl: 'cat dryrun genpass getuser help list log users whoami',
  client: 'getname getredir help info list trackinginfo unblock',
  cluster:
    'count-failure-reports countkeysinslot getkeysinslot help info keyslot links myid myshardid nodes' +
    ' replicas shards slaves slot-stats slots',
  command: 'count docs getkeys getkeysandflags help info list',
  config: 'get help resetstat rewrite',
  function: 'delete dump flush help kill list load restore stats',
  latency: 'doctor graph help histogram history latest reset',
  memory: 'doctor help malloc-stats purge stats usage',
  module: 'help list',
  object: 'encoding freq help idletime refcount',
  pubsub: 'channels help numpat numsub shardchannels shardnumsub',
  script: 'exists flush help kill load show',
  slowlog: 'get help len reset',
  xgroup: 'create createconsumer delconsumer destroy help setid',
  xinfo: 'consumers groups help stream',
}

const stateful: ReadonlyArray<readonly [name: string, verdict: number]> = [
  ['auth', DIRTY],
  ['select', DIRTY],
  ['readonly', DIRTY],
  ['readwrite', DIRTY],
  ['asking', DIRTY],
  ['client setname', DIRTY],
  ['client setinfo lib-name', LIB_NAME],
  ['client setinfo lib-ver', LIB_VER],
  // Came to Redis (7.2) together with its line in RESET.
  ['client no-touch', DIRTY],
  ['hello', HELLO],
  ['multi', MULTI],
  ['watch', OPEN],
  ['exec', CLOSE],
  ['discard', CLOSE],
  ['reset', RESET],
  // BLOCK may stand at any place among the options. A group or key of that name counts as it, for it costs no
  // more than a connection.
  ['xread', BY_ARGUMENTS],
  ['xread block', BLOCKING],
  ['xreadgroup', BY_ARGUMENTS],
  ['xreadgroup block', BLOCKING],
  // @redis/client sends it on every connection. Redis refuses it; a server that accepts it pushes whenever it
  // likes.
  ['client maint_notifications', IF_REFUSED],
]

const tainting: readonly string[] = [
  // Messages that answer no request, as many answers as channels, or none.
  ...[
    'subscribe',
    'psubscribe',
    'ssubscribe',
    'unsubscribe',
    'punsubscribe',
    'sunsubscribe',
    'monitor',
    'client reply',
  ],
  // Not a client's connection any more, or not a connection any more.
  ...['sync', 'psync', 'replconf', 'replicaof', 'slaveof', 'failover', 'quit', 'shutdown', 'client kill'],
  // RESET stops tracking but keeps the connection's entries in the server's table: when a later session turns
  // it on again, it is told the names of keys that the earlier one had read (seen on 7.0.15).
  ...['client tracking', 'client caching'],
  // Redis before 7.2 keeps it over RESET (seen on 7.0.15).
  'client no-evict',
  // Of any other attribute than the two above: who knows how to empty it.
  'client setinfo',
  // Who asks for its id means to be addressed by it later: REDIRECT, UNBLOCK, KILL would hit the next
  // session.
  'client id',
  // They change who a fresh connection is, while this one stays who it was; or stop all others.
  ...['config set', 'acl setuser', 'acl deluser', 'acl load', 'acl save', 'client pause', 'client unpause'],
  // Debugging, or a server's own business.
  ...[
    'debug',
    'script debug',
    'client capa',
    'client import-source',
    'restore-asking',
    'pfdebug',
    'pfselftest',
  ],
]

/**
 * A command's name, and for some its first arguments, as a walk over bytes: nothing is collected, any split
 * will do, and no bytes but the listed ones get anywhere. Upper and lower case share a column; node 0 is
 * where all others end.
 */
export interface CommandTrie {
  readonly columns: Uint8Array
  readonly next: Uint32Array
  readonly verdicts: Uint8Array
  readonly stride: number
}

/** The node before the first byte. */
export const ROOT = 1
/** The column between a command and its subcommand; no byte maps to it. */
export const SEPARATOR = 1

/** Builds the walk over all known commands, plus the given ones as stateless. */
export function commandTrie(extra: readonly string[]): CommandTrie {
  const verdicts = new Map(listed())
  for (const name of extra) {
    const key = name.toLowerCase()
    const known = verdicts.get(key)
    // They leave nothing, and are more than that.
    if (known === BLOCKING || known === BY_ARGUMENTS) continue
    const holdsState = known === undefined ? tainting.includes(key) : known !== STATELESS
    if (holdsState) {
      throw new TypeError(`Expected \`stateless\` to name stateless commands, got ${JSON.stringify(name)}`)
    }
    verdicts.set(key, STATELESS)
  }
  return build(verdicts)
}

function* listed(): Generator<[string, number]> {
  for (const line of stateless) for (const name of line.split(' ')) yield [name, STATELESS]
  for (const [name, subcommands] of Object.entries(statelessSubcommands)) {
    for (const subcommand of subcommands.split(' ')) yield [`${name} ${subcommand}`, STATELESS]
  }
  for (const name of blocking.split(' ')) yield [name, BLOCKING]
  for (const [name, verdict] of stateful) yield [name, verdict]
}

function build(commands: ReadonlyMap<string, number>): CommandTrie {
  const columns = new Uint8Array(256)
  let stride = SEPARATOR + 1
  let length = ROOT + 1
  for (const name of commands.keys()) {
    for (const byte of Buffer.from(name.replaceAll(' ', ''))) {
      if (columns[byte] === 0) columns[byte] = stride++
      if (byte >= 0x61 && byte <= 0x7a) columns[byte - 0x20] = columns[byte] as number
    }
    length += Buffer.byteLength(name)
  }
  const next = new Uint32Array(length * stride)
  const verdicts = new Uint8Array(length)
  let nodes = ROOT + 1
  for (const [name, verdict] of commands) {
    let node = ROOT
    for (const byte of Buffer.from(name)) {
      const edge = node * stride + (byte === 0x20 ? SEPARATOR : (columns[byte] as number))
      if (next[edge] === 0) next[edge] = nodes++
      node = next[edge] as number
    }
    verdicts[node] = verdict
  }
  return { columns, next: next.slice(0, nodes * stride), verdicts: verdicts.slice(0, nodes), stride }
}
