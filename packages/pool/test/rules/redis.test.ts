import { describe, expect, it } from 'vitest'
import { redis } from '../../src/rules/redis.js'
import { after, command, line, open, openResp3 } from './redis-support.js'

const RESET = redis().reset?.send ?? Buffer.alloc(0)
const HELLO_MAP = '%1\r\n$5\r\nproto\r\n:3\r\n'

describe('redis(): states', () => {
  it('is idle before anything was sent', () => {
    expect(open().state).toBe('idle')
  })

  it('is partial, busy and idle again over one request', () => {
    const proof = open()
    const request = line('GET a')
    for (let i = 1; i < request.length; i++) {
      proof.up(request.subarray(i - 1, i))
      expect(proof.state).toBe('partial')
    }
    proof.up(request.subarray(-1))
    expect(proof.state).toBe('busy')
    expect(proof.down(Buffer.from('$1\r\nx\r'))).toBe(true)
    expect(proof.state).toBe('busy')
    expect(proof.down(Buffer.from('\n'))).toBe(true)
    expect(proof.state).toBe('idle')
  })

  it('is busy until every pipelined request is answered', () => {
    const proof = open()
    proof.up(Buffer.concat([line('GET a'), line('INCR b'), line('BLPOP c 0')]))
    expect(proof.down(Buffer.from('$-1\r\n:1\r\n'))).toBe(true)
    expect(proof.state).toBe('busy')
    expect(proof.down(Buffer.from('*-1\r\n'))).toBe(true)
    expect(proof.state).toBe('idle')
  })

  it('is partial rather than busy, and busy rather than dirty', () => {
    const proof = open()
    proof.up(line('SELECT 1'))
    expect(proof.state).toBe('busy')
    proof.up(Buffer.from('*'))
    expect(proof.state).toBe('partial')
    proof.up(line('PING').subarray(1))
    proof.down(Buffer.from('+OK\r\n'))
    expect(proof.state).toBe('busy')
    proof.down(Buffer.from('+PONG\r\n'))
    expect(proof.state).toBe('dirty')
  })

  it('takes an error for an answer', () => {
    expect(after(line('GET a'), '-WRONGTYPE no\r\n').state).toBe('idle')
  })

  it('serves one session after the other', () => {
    const proof = open()
    for (let i = 0; i < 1_000; i++) {
      proof.up(command('SET', `key${i}`, 'x'.repeat(i)))
      expect(proof.down(Buffer.from('+OK\r\n'))).toBe(true)
      expect(proof.state).toBe('idle')
    }
  })
})

describe('redis(): commands', () => {
  const stateless =
    'GET a,get a,gEt a,MGET a b,SET a b,HSET h f v,LPUSH l v,EXPIRE a 1,EVAL s 0,SCRIPT LOAD s,PUBLISH c m'
  const more =
    'INFO,PING,ECHO x,DBSIZE,COMMAND,COMMAND DOCS get,CONFIG GET *,BLPOP l 0,XREAD BLOCK 0 STREAMS s $,WAIT 1 0'
  const rest =
    'CLIENT LIST,client info,CLUSTER SLOTS,UNWATCH,FUNCTION LIST,OBJECT ENCODING a,XGROUP CREATE s g $,SORT_RO l'
  for (const text of `${stateless},${more},${rest}`.split(',')) {
    it(`is idle after ${text}`, () => {
      expect(after(line(text), '+OK\r\n').state).toBe('idle')
    })
  }

  const dirty = 'AUTH p,SELECT 1,READONLY,READWRITE,ASKING,CLIENT SETNAME n,CLIENT NO-TOUCH ON'
  for (const text of `${dirty},MULTI,WATCH a`.split(',')) {
    it(`is dirty after ${text}, and idle after RESET`, () => {
      const proof = after(line(text), '+OK\r\n')
      expect(proof.state).toBe('dirty')
      proof.up(line('RESET'))
      proof.down(Buffer.from('+RESET\r\n'))
      expect(proof.state).toBe('idle')
    })

    it(`is dirty after ${text} even when it failed`, () => {
      expect(after(line(text), '-ERR no\r\n').state).toBe('dirty')
    })
  }

  const subscribing = 'SUBSCRIBE c,PSUBSCRIBE c,SSUBSCRIBE c,UNSUBSCRIBE,PUNSUBSCRIBE,SUNSUBSCRIBE,MONITOR'
  const leaving = 'QUIT,SHUTDOWN,SYNC,PSYNC ? -1,REPLCONF ACK 0,CLIENT KILL ID 1,FAILOVER,REPLICAOF NO ONE'
  const clients =
    'CLIENT REPLY OFF,CLIENT REPLY SKIP,CLIENT TRACKING ON,CLIENT CACHING YES,CLIENT NO-EVICT ON,CLIENT ID'
  const odd =
    'CLIENT,CLIENT UNHEARD-OF,CLIENT SETINFO,CLIENT SETINFO LIB-FOO x,CONFIG,CONFIG SET a b,COMMAND UNHEARD-OF,SCRIPT DEBUG YES,DEBUG SLEEP 0,JSON.GET a,GE a,GETX a,G,MEMORY'
  for (const text of `${subscribing},${leaving},${clients},${odd}`.split(',')) {
    it(`is tainted by ${text}, and passes on what follows`, () => {
      const proof = after(line(text), '+OK\r\n')
      expect(proof.state).toBe('tainted')
      expect(proof.down(Buffer.from('*3\r\n$7\r\nmessage\r\n'))).toBe(true)
      proof.up(line('GET a'))
      expect(proof.state).toBe('tainted')
    })
  }

  it('knows a command only by all of its bytes', () => {
    for (const name of [
      '',
      'GET\0',
      ' GET',
      'GET ',
      'GÉT',
      'client|list',
      'CLIENT LIST',
      'get\r\n',
      'G\u212a',
    ]) {
      expect(after(command(name, 'a'), '+OK\r\n').state, JSON.stringify(name)).toBe('tainted')
    }
    expect(after(command('CLIENT', ''), '+OK\r\n').state).toBe('tainted')
    expect(after(command('CLIENT', 'LIST\0'), '+OK\r\n').state).toBe('tainted')
  })

  it('is idle again after a transaction that EXEC or DISCARD ended', () => {
    const queued = Buffer.concat([line('MULTI'), line('SET a b'), line('EXEC')])
    expect(after(queued, '+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n').state).toBe('idle')
    const watched = Buffer.concat([line('WATCH a'), line('MULTI'), line('EXEC')])
    expect(after(watched, '+OK\r\n+OK\r\n*-1\r\n').state).toBe('idle')
    expect(after(Buffer.concat([line('MULTI'), line('DISCARD')]), '+OK\r\n+OK\r\n').state).toBe('idle')
  })

  it('stays dirty after a transaction that may not have ended', () => {
    const queued = Buffer.concat([line('MULTI'), line('SET a b'), line('EXEC')])
    expect(after(queued, '+OK\r\n+QUEUED\r\n-EXECABORT\r\n').state).toBe('dirty')
    const discarded = Buffer.concat([line('MULTI'), line('DISCARD')])
    expect(after(discarded, '+OK\r\n+QUEUED\r\n').state).toBe('dirty')
    const again = Buffer.concat([line('MULTI'), line('EXEC'), line('MULTI')])
    expect(after(again, '+OK\r\n*0\r\n+OK\r\n').state).toBe('dirty')
    const selecting = Buffer.concat([line('MULTI'), line('SELECT 1'), line('EXEC')])
    expect(after(selecting, '+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n').state).toBe('dirty')
  })

  it('is tainted by HELLO and by a subscription inside a transaction', () => {
    expect(after(Buffer.concat([line('MULTI'), line('HELLO 3')]), '+OK\r\n+QUEUED\r\n').state).toBe('tainted')
    expect(after(Buffer.concat([line('MULTI'), line('SUBSCRIBE c')]), '+OK\r\n').state).toBe('tainted')
  })

  it('keeps a connection whose server refuses maintenance notifications, and no other', () => {
    const text = 'CLIENT MAINT_NOTIFICATIONS ON'
    expect(after(line(text), '-ERR unknown subcommand\r\n').state).toBe('idle')
    expect(after(line(text), '').state).toBe('busy')
    expect(after(line(text), '+OK\r\n').state).toBe('tainted')
  })

  it('is tainted by more requests outstanding than it counts', () => {
    const proof = open()
    const thousand = Buffer.concat(Array<Buffer>(1_000).fill(line('PING')))
    for (let i = 0; i < 1_000; i++) proof.up(thousand)
    expect(proof.state).toBe('busy')
    proof.up(line('PING'))
    expect(proof.state).toBe('tainted')
  })

  it('is tainted by more answers that matter outstanding than it remembers', () => {
    const proof = open()
    const one = Buffer.concat([line('MULTI'), line('EXEC')])
    for (let i = 0; i < 2_000; i++) proof.up(one)
    expect(proof.state).toBe('busy')
    for (let i = 0; i < 3_000; i++) proof.up(one)
    expect(proof.state).toBe('tainted')
  })

  it('remembers in order which answers matter', () => {
    const proof = open()
    const requests = [line('GET a'), line('HELLO 3'), line('GET a'), line('HELLO 2')]
    const replies = ['$-1\r\n', HELLO_MAP, '_\r\n', '*2\r\n$5\r\nproto\r\n:2\r\n']
    const waiting = 700
    for (let i = 0; i < 10_000; i++) {
      proof.up(requests[i % 4] as Buffer)
      if (i >= waiting) expect(proof.down(Buffer.from(replies[(i - waiting) % 4] as string))).toBe(true)
    }
    expect(proof.state).toBe('busy')
    for (let i = 10_000 - waiting; i < 10_000; i++) proof.down(Buffer.from(replies[i % 4] as string))
    expect(proof.state).toBe('dirty')
  })
})

describe('redis(): protocol and reset', () => {
  it('follows HELLO to RESP3 and RESET back to RESP2', () => {
    const proof = openResp3()
    proof.up(Buffer.concat([line('GET a'), line('SMEMBERS s'), line('INFO')]))
    expect(proof.down(Buffer.from('_\r\n~1\r\n,1.5\r\n=5\r\ntxt:x\r\n'))).toBe(true)
    expect(proof.state).toBe('dirty')
    proof.up(Buffer.concat([line('RESET'), line('GET a')]))
    expect(proof.down(Buffer.from('+RESET\r\n_\r\n'))).toBe(false)
    expect(proof.state).toBe('tainted')
  })

  it('follows HELLO back to RESP2', () => {
    const proof = openResp3()
    proof.up(Buffer.concat([line('HELLO 2'), line('GET a')]))
    expect(proof.down(Buffer.from('*2\r\n$5\r\nproto\r\n:2\r\n'))).toBe(true)
    expect(proof.down(Buffer.from('_\r\n'))).toBe(false)
  })

  it('stays with RESP2 when HELLO is refused', () => {
    const proof = after(Buffer.concat([line('HELLO 3'), line('GET a')]), '-NOPROTO\r\n')
    expect(proof.down(Buffer.from('_\r\n'))).toBe(false)
  })

  it('is idle after its own reset, also when the server knows no CLIENT SETINFO', () => {
    for (const answer of ['+OK\r\n+OK\r\n', '-ERR unknown subcommand\r\n-ERR\r\n']) {
      const proof = open()
      proof.up(Buffer.concat([line('HELLO 3'), line('AUTH p'), line('WATCH a'), line('MULTI')]))
      proof.down(Buffer.from(`${HELLO_MAP}+OK\r\n+OK\r\n+OK\r\n`))
      expect(proof.state).toBe('dirty')
      proof.up(RESET)
      expect(proof.state).toBe('busy')
      expect(proof.down(Buffer.from(`${answer}+RESET\r\n`))).toBe(true)
      expect(proof.state).toBe('idle')
    }
  })

  it('is kept by no other answer to a part of its own reset', () => {
    const wrong =
      '+QUEUED|-NOPERM no|-NOAUTH no|-LOADING|-ERRX|-ERRATIC no|-err no|+ERR|+|+ok|+OK |+OK no|+OKOK|:1|:0|$2\r\nOK|$-1|*0|*-1|*1\r\n+OK'
    for (const answer of wrong.split('|')) {
      for (const parts of [
        [answer, '+OK'],
        ['+OK', answer],
        [answer, answer],
      ]) {
        const proof = after(line('SELECT 1'), '+OK\r\n')
        proof.up(RESET)
        for (const byte of Buffer.from(`${[...parts, '+RESET'].join('\r\n')}\r\n`)) {
          expect(proof.down(Buffer.from([byte]))).toBe(true)
        }
        expect(proof.state, JSON.stringify(parts)).toBe('tainted')
      }
    }
  })

  it('is dirty after a CLIENT SETINFO until the same one with an empty value is answered +OK, and RESET +RESET', () => {
    const set = {
      'lib-name': command('CLIENT', 'SETINFO', 'lib-name', 'x'),
      'LIB-VER': command('client', 'setinfo', 'LIB-VER', 'x'.repeat(200)),
    }
    for (const [name, request] of Object.entries(set)) {
      const empty = command('CLIENT', 'SETINFO', name, '')
      const other = command('CLIENT', 'SETINFO', name === 'LIB-VER' ? 'lib-name' : 'lib-ver', '')
      expect(after(request, '+OK\r\n').state).toBe('dirty')
      expect(after(Buffer.concat([request, line('RESET')]), '+OK\r\n+RESET\r\n').state).toBe('dirty')
      expect(after(Buffer.concat([request, other]), '+OK\r\n+OK\r\n').state).toBe('dirty')
      expect(after(Buffer.concat([request, empty]), '+OK\r\n+OK\r\n').state).toBe('dirty')
      const reset = Buffer.concat([request, empty, line('RESET')])
      expect(after(reset, '+OK\r\n+OK\r\n+RESET\r\n').state).toBe('idle')
      expect(after(reset, '+OK\r\n+OK\r\n-ERR unknown command\r\n').state).toBe('dirty')
      expect(after(Buffer.concat([request, request, empty, request]), '+OK\r\n'.repeat(4)).state).toBe(
        'dirty',
      )
      expect(after(Buffer.concat([request, empty]), '+OK\r\n-ERR unknown\r\n').state).toBe('tainted')
      // Refused, there is nothing to empty.
      expect(after(request, '-ERR unknown subcommand\r\n').state).toBe('idle')
      expect(after(Buffer.concat([request, request]), '+OK\r\n-ERR no\r\n').state).toBe('dirty')
    }
  })

  it('is tainted by its reset when a transaction that was left open may only have queued it', () => {
    const setInfo = command('CLIENT', 'SETINFO', 'LIB-NAME', 'me')
    for (const [requests, replies] of [
      [[setInfo, line('MULTI')], '+OK\r\n+OK\r\n'],
      [[line('MULTI'), setInfo], '+OK\r\n+QUEUED\r\n'],
      [[line('MULTI')], '+OK\r\n'],
    ] as const) {
      const proof = after(Buffer.concat(requests), replies)
      expect(proof.state).toBe('dirty')
      proof.up(RESET)
      proof.down(Buffer.from('+QUEUED\r\n+QUEUED\r\n+RESET\r\n'))
      expect(proof.state).toBe('tainted')
    }
    const ended = Buffer.concat([line('MULTI'), setInfo, line('EXEC')])
    const proof = after(ended, '+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n')
    expect(proof.state).toBe('dirty')
    proof.up(RESET)
    proof.down(Buffer.from('+OK\r\n+OK\r\n+RESET\r\n'))
    expect(proof.state).toBe('idle')
  })

  it('stays dirty when RESET is refused or answers anything else', () => {
    const answers = [
      '-ERR unknown command\r\n',
      '+OK\r\n',
      '+RESE\r\n',
      '+RESETS\r\n',
      '-RESET\r\n',
      '$5\r\nRESET\r\n',
      '+\0RESET\r\n',
    ]
    for (const answer of answers) {
      expect(after(Buffer.concat([line('SELECT 1'), line('RESET')]), `+OK\r\n${answer}`).state).toBe('dirty')
    }
  })

  it('stays dirty when RESET came before the state', () => {
    expect(after(Buffer.concat([line('RESET'), line('SELECT 1')]), '+RESET\r\n+OK\r\n').state).toBe('dirty')
    const proof = after(Buffer.concat([line('RESET'), line('SELECT 1')]), '+RESET\r\n')
    expect(proof.state).toBe('busy')
  })
})

describe('redis(): options', () => {
  it('takes more stateless commands, with a subcommand too, in any case', () => {
    const rule = redis({ stateless: ['JSON.GET', 'topk info', 'GETX'] })
    for (const text of ['json.get a', 'JSON.GET a', 'TOPK INFO t', 'getx a', 'GET a', 'GETEX a']) {
      const proof = rule.open()
      proof.up(line(text))
      proof.down(Buffer.from('+OK\r\n'))
      expect(proof.state, text).toBe('idle')
    }
    for (const text of ['json.se a', 'json.gets a', 'TOPK a', 'TOPK LIST', 'TOPKINFO']) {
      const proof = rule.open()
      proof.up(line(text))
      expect(proof.state, text).toBe('tainted')
    }
  })

  it('names the option when it is not a list of names', () => {
    for (const wrong of ['GET', [''], [1], ['a b c'], [' a'], [null], {}]) {
      expect(() => redis({ stateless: wrong as string[] }), JSON.stringify(wrong)).toThrow(/`stateless`/)
      expect(() => redis({ stateless: wrong as string[] })).toThrow(TypeError)
    }
    expect(() => redis({ stateles: [] } as object)).toThrow(/`stateles`/)
  })

  it('does not declare a command harmless that is known to hold state', () => {
    for (const name of [
      'SUBSCRIBE',
      'select',
      'CLIENT SETINFO',
      'CLIENT TRACKING',
      'client reply',
      'MULTI',
      'RESET',
      'QUIT',
    ]) {
      expect(() => redis({ stateless: [name] }), name).toThrow(/`stateless`/)
    }
  })
})
