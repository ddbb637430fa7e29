import type { RuleCheck } from '../../src/testing/index.js'
import { command, line } from './redis-support.js'

const set = line('SET a b')

/** What the kit is told of `redis()`. */
export const redisSamples: RuleCheck = {
  exchanges: [
    { name: 'GET', request: line('GET a'), reply: '$3\r\nx\r\n\r\n' },
    { name: 'GET, a miss', request: line('get missing'), reply: '$-1\r\n' },
    { name: 'SET', request: command('SET', 'k', 'v'.repeat(120)), reply: '+OK\r\n' },
    { name: 'INCR', request: line('INCR n'), reply: ':42\r\n' },
    { name: 'HGETALL', request: line('HGETALL h'), reply: '*2\r\n$1\r\na\r\n*1\r\n*0\r\n' },
    { name: 'an error', request: line('LPUSH a b'), reply: '-WRONGTYPE no list\r\n' },
    {
      name: 'SELECT',
      request: line('SELECT 1'),
      reply: '+OK\r\n',
      leaves: 'dirty',
      resetReply: '+RESET\r\n',
    },
    { name: 'HELLO', request: line('HELLO 3'), reply: '%1\r\n+proto\r\n:3\r\n', leaves: 'dirty' },
    {
      name: 'CLIENT SETINFO',
      request: line('CLIENT SETINFO LIB-NAME me'),
      reply: '+OK\r\n',
      leaves: 'dirty',
      resetReply: '+OK\r\n+RESET\r\n',
    },
    { name: 'MULTI', request: line('MULTI'), reply: '+OK\r\n', leaves: 'dirty' },
    {
      name: 'SUBSCRIBE',
      request: line('SUBSCRIBE c'),
      reply: '*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n',
      leaves: 'tainted',
    },
    { name: 'CLIENT REPLY', request: line('CLIENT REPLY OFF'), reply: '', leaves: 'tainted' },
  ],
  forged: [
    { request: 'PING\nPING\r\n', reply: '+PONG\r\n+PONG\r\n' },
    { request: '*1\rX$4\r\nPING\r\n', reply: '+PONG\r\n' },
    { request: '*-1\r\n' },
    { name: 'wrong trailer', request: '*1\r\n$4\r\nPINGxx', reply: '+PONG\r\n' },
    { name: 'a push', request: set, reply: '>2\r\n+a\r\n+b\r\n+OK\r\n' },
    { name: 'a lone LF', request: set, reply: '+OK\n' },
    { name: 'an answer that is not over', request: set, reply: '*2\r\n+OK\r\n' },
  ],
  goodbye: { request: line('quIT'), answer: '+OK\r\n' },
  resetReply: '+OK\r\n+OK\r\n+RESET\r\n',
  refusedResets: [
    '+OK\r\n+OK\r\n-ERR unknown command\r\n',
    '+OK\r\n-NOPERM no\r\n+RESET\r\n',
    '-NOPERM no\r\n+OK\r\n+RESET\r\n',
    '+QUEUED\r\n+QUEUED\r\n+RESET\r\n',
    '+OK\r\n+OK\r\n+OK\r\n',
    '+RESET\r\n+OK\r\n+OK\r\n',
    '+OK\r\n:1\r\n+RESET\r\n',
  ],
}

/** What the kit is told of `memcached()`. */
export const memcachedSamples: RuleCheck = {
  exchanges: [
    { request: 'get missing\r\n', reply: 'END\r\n' },
    { request: 'gets a b\r\n', reply: 'VALUE a 0 5 17\r\nEND\r\n\r\nVALUE b 4294967295 0 1\r\n\r\nEND\r\n' },
    { request: 'gat -1 a\r\n', reply: 'VALUE a 0 1\r\n\n\r\nEND\r\n' },
    { request: 'set a 0 0 12\r\nset b 0 0 1\r\r\n', reply: 'STORED\r\n' },
    { request: 'cas a 1 2592000 0 18446744073709551615\r\n\r\n', reply: 'EXISTS\r\n' },
    { request: 'incr n 18446744073709551615\r\n', reply: '9 \r\n' },
    { request: 'decr a 1\r\n', reply: 'CLIENT_ERROR cannot increment or decrement non-numeric value\r\n' },
    { request: 'delete a\r\n', reply: 'NOT_FOUND\r\n' },
    { request: 'touch a 0\r\n', reply: 'TOUCHED\r\n' },
    { request: 'version\r\n', reply: 'VERSION 1.6.18\r\n' },
    { request: 'flush_all\r\n', reply: 'OK\r\n' },
    { request: 'flush_all 10\r\n', reply: 'OK\r\n' },
    { request: 'stats\r\n', reply: 'STAT pid 1\r\nSTAT END 2\r\nEND\r\n' },
    { request: 'stats \r\n', reply: 'END\r\n' },
    { request: 'stats items\r\n', reply: 'END\r\n' },
    { request: 'stats reset\r\n', reply: 'RESET\r\n' },
    { request: 'mg a v t Oq\r\n', reply: 'VA 4 t-1 Oq\r\nEN\r\n\r\n' },
    { request: 'mg a\r\n', reply: 'HD\r\n' },
    { request: 'mg a k v\r\n', reply: 'EN ka\r\n' },
    { request: 'ms a 2 T0 ME\r\n\r\n\r\n', reply: 'NS\r\n' },
    { request: 'md a k\r\n', reply: 'HD ka\r\n' },
    { request: 'ma n v D5\r\n', reply: 'VA 2 c4\r\n10\r\n' },
    { request: 'me a\r\n', reply: 'ME a exp=-1 la=0\r\n' },
    { request: 'mn\r\n', reply: 'MN\r\n' },
    { request: 'gets a b \r\n', reply: 'END\r\n' },
    { request: 'set a 0 0 3 noreply\r\nabc\r\n', reply: '', leaves: 'dirty' },
    { request: 'flush_all noreply\r\n', reply: '', leaves: 'dirty' },
    { request: 'mg a q\r\n', reply: '', leaves: 'tainted' },
    { request: 'watch fetchers\r\n', reply: 'OK\r\nts=1 gid=1\r\n', leaves: 'tainted' },
    { request: 'quit\r\n', reply: '', leaves: 'tainted' },
    {
      request: 'set a 0 0 2\r\nab\r\n',
      reply: 'SERVER_ERROR object too large for cache\r\n',
      leaves: 'tainted',
    },
    { request: 'set a 0 0 2\r\nab\r\n', reply: 'CLIENT_ERROR no\r\nERROR\r\n', leaves: 'tainted' },
    { request: 'get a\r\n', reply: 'CLIENT_ERROR unauthenticated\r\n', leaves: 'tainted' },
  ],
  forged: [
    {
      name: 'a longer value',
      request: 'set a 0 0 3\r\nabcd\r\n',
      reply: 'CLIENT_ERROR bad data chunk\r\nERROR\r\n',
    },
    {
      name: 'two values for one key',
      request: 'get a\r\n',
      reply: 'VALUE a 0 0\r\n\r\nVALUE a 0 0\r\n\r\nEND\r\n',
    },
    { name: 'the answer to another command', request: 'get a\r\n', reply: 'STORED\r\n' },
    { request: 'get a\nget b\r\n', reply: 'END\r\nEND\r\n' },
    {
      name: 'the error of a quiet store before the answer to a count',
      request: 'set a 0 0 1 noreply\r\nx\r\nincr n 1\r\n',
      reply: 'CLIENT_ERROR bad data chunk\r\n5\r\n',
    },
  ],
  goodbye: { request: 'quit\r\n', answer: '' },
  resetReply: 'MN\r\n',
  refusedResets: [
    'ERROR\r\n',
    'SERVER_ERROR out of memory\r\nMN\r\n',
    'CLIENT_ERROR no\r\nMN\r\n',
    'STORED\r\nMN\r\n',
    'END\r\n',
  ],
}

/** What the kit is told of `lines()`. */
export const lineSamples: RuleCheck = {
  exchanges: [
    { request: 'ask\n', reply: 'answer\n' },
    { request: '\n', reply: '\n' },
    { request: 'a\0b\xff\n', reply: '?\n' },
  ],
  forged: [
    { name: 'CR LF', request: 'ask\r\n', reply: 'answer\n' },
    { name: 'CR LF in the reply', request: 'ask\n', reply: 'answer\r\n' },
    { name: 'a second line', request: 'ask\n', reply: 'one\ntwo\n' },
  ],
}

/** What the kit is told of `lines({ terminator: '\r\n' })`. */
export const crlfSamples: RuleCheck = {
  exchanges: [
    { request: 'ask\r\n', reply: 'answer\r\n' },
    { request: '\r\n', reply: '\r\n' },
  ],
  forged: [
    { name: 'a lone LF', request: 'ask\nb\r\n', reply: 'answer\r\n' },
    { name: 'a lone CR', request: 'ask\rb\r\n', reply: 'answer\r\n' },
    { name: 'two CRs', request: 'ask\r\r\n', reply: 'answer\r\n' },
    { name: 'a lone LF in the reply', request: 'ask\r\n', reply: 'answer\n' },
    { name: 'a lone CR in the reply', request: 'ask\r\n', reply: 'an\rswer\r\n' },
  ],
}

/** What the kit is told of `lengthPrefixed()`. */
export const lengthSamples: RuleCheck = {
  exchanges: [
    { request: '\0\0\0\x03abc', reply: '\0\0\0\0' },
    { request: '\0\0\0\0', reply: '\0\0\0\x01\0' },
    { request: `\0\0\x01\0${'x'.repeat(256)}`, reply: '\0\0\0\x04\0\0\0\x04' },
  ],
  forged: [
    { name: 'a frame that is too long', request: '\x7f\xff\xff\xff', reply: '\0\0\0\0' },
    { name: 'a reply that is too long', request: '\0\0\0\0', reply: '\x7f\xff\xff\xff' },
    { name: 'a second frame', request: '\0\0\0\0', reply: '\0\0\0\0\0\0\0\0' },
  ],
}
