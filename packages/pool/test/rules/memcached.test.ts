import { describe, expect, it } from 'vitest'
import { after, open, receive } from './memcached-support.js'

const KEY = 'k'.repeat(250)

/** For each command a request and the answers that it may get. */
const stateless: Readonly<Record<string, readonly string[]>> = {
  'get a': ['END', 'VALUE a 0 1\r\nx\r\nEND', `VALUE ${KEY} 1 0\r\n\r\nEND`],
  [`get ${KEY} b c`]: ['END', 'VALUE b 0 1\r\nx\r\nVALUE c 0 5\r\nEND\r\n\r\nEND'],
  'gets a': ['END', 'VALUE a 0 1 18446744073709551615\r\nx\r\nEND'],
  'gat 0 a b': ['END', 'VALUE a 0 1\r\nx\r\nEND'],
  'gats -1 a': ['END', 'VALUE a 0 1 1\r\nx\r\nEND'],
  'set a 0 0 2\r\nab': ['STORED', 'NOT_STORED', 'EXISTS', 'NOT_FOUND'],
  'add a 4294967295 -1 0\r\n': ['STORED', 'NOT_STORED', 'EXISTS', 'NOT_FOUND'],
  'replace noreply 0 0 1\r\nx': ['STORED', 'NOT_STORED', 'EXISTS', 'NOT_FOUND'],
  'append a 0 0 1\r\nx': ['STORED', 'NOT_STORED', 'EXISTS', 'NOT_FOUND'],
  'prepend a 0 0 2\r\n\r\n': ['STORED', 'NOT_STORED', 'EXISTS', 'NOT_FOUND'],
  'cas a 0 0 1 77\r\nx': ['STORED', 'NOT_STORED', 'EXISTS', 'NOT_FOUND'],
  'delete a': ['DELETED', 'NOT_FOUND'],
  'touch a 0': ['TOUCHED', 'NOT_FOUND'],
  'incr a 1': ['10', '9  ', '0', 'NOT_FOUND', 'CLIENT_ERROR cannot increment or decrement non-numeric value'],
  'decr a 18446744073709551615': ['0', 'NOT_FOUND', 'CLIENT_ERROR cannot increment'],
  version: ['VERSION 1.6.18', 'VERSION 1.4.5_4_gaa7839e'],
  'verbosity 1': ['OK'],
  flush_all: ['OK'],
  'flush_all 30': ['OK'],
  stats: ['END', 'STAT pid 1\r\nSTAT END 1\r\nEND'],
  'stats items': ['END', 'STAT items:1:number 2\r\nEND'],
  'stats slabs': ['END'],
  'stats sizes': ['STAT sizes_status disabled\r\nEND'],
  'stats settings': ['STAT maxbytes 1\r\nEND'],
  'stats conns': ['STAT 23:addr tcp:127.0.0.1:1\r\nEND'],
  'stats reset': ['RESET'],
  'mg a': ['HD', 'EN'],
  'mg a t c k Oq': ['HD t-1 c5 ka Oq', 'EN ka Oq'],
  'mg a v': ['VA 0\r\n', 'VA 3\r\nEN\r', 'VA 1 W\r\nx', 'EN'],
  'mg a s v q': [],
  'ms a 2\r\nab': ['HD', 'NS', 'EX', 'NF'],
  'ms YQ== 2 b T0 MA k c\r\nab': ['HD kYQ== b c5'],
  'md a I T30 k': ['HD ka', 'NF ka', 'EX'],
  'ma a': ['HD', 'NF', 'NS', 'EX', 'CLIENT_ERROR cannot increment'],
  'ma a N0 J13 v': ['VA 2\r\n13', 'NF', 'NS', 'EX'],
  'me a': ['ME a exp=-1 la=0 cas=8', 'EN'],
  mn: ['MN'],
}

describe('memcached(): commands', () => {
  for (const [request, answers] of Object.entries(stateless)) {
    for (const answer of answers) {
      it(`is idle after ${JSON.stringify(request.slice(0, 40))} and ${JSON.stringify(answer.slice(0, 40))}`, () => {
        expect(after(`${request}\r\n`).state).toBe('busy')
        expect(after(`${request}\r\n`, `${answer}\r`).state).toBe('busy')
        expect(after(`${request}\r\n`, `${answer}\r\n`).state).toBe('idle')
      })
    }
  }

  it('answers each command in its own way only', () => {
    const all = [...new Set(Object.values(stateless).flat())].filter((answer) => !answer.includes('ERROR'))
    const form = (request: string): string => `${request.split(/[ \r]/)[0]}${/ v( |$)/.test(request)}`
    for (const request of Object.keys(stateless)) {
      const alike = Object.entries(stateless).filter(([other]) => form(other) === form(request))
      const answers = alike.flatMap(([, known]) => known)
      for (const answer of all) {
        const { state } = after(`${request}\r\n`, `${answer}\r\n`)
        if (state === 'idle') expect(like(answer, answers), `${request}: ${answer}`).toBe(true)
      }
    }
  })

  it('takes an error for an answer, but shares the connection no more', () => {
    for (const request of Object.keys(stateless)) {
      for (const error of ['ERROR', 'SERVER_ERROR out of memory', 'CLIENT_ERROR bad command line format']) {
        const proof = after(`${request}\r\n`)
        if (proof.state === 'tainted') continue
        const counts = error.startsWith('CLIENT') && /^(incr|decr|ma) /.test(request)
        expect(receive(proof, `${error}\r\n`), request).toBe(true)
        expect(proof.state, `${request}: ${error}`).toBe(counts ? 'idle' : 'tainted')
        // The second reply to a data block that was taken for a command.
        if (!counts) expect(receive(proof, 'ERROR\r\n')).toBe(true)
      }
    }
  })

  const trapped = 'touch a noreply,incr a noreply,verbosity noreply,cas a 0 0 1 noreply\r\nx'
  const quietMeta = 'mg a q,mg a v q,ms a 1 q\r\nx,ms a 1 T0 q\r\nx,md a q,ma a q,mg a qx,me a q,mn q'
  const streams = 'watch,watch fetchers,lru_crawler metadump all,lru_crawler mgdump hash,lru_crawler enable'
  const endings = 'quit,shutdown,shutdown graceful,misbehave'
  const odd =
    'bget a,slabs reassign 1 2,slabs automove 1,lru mode flat,cache_memlimit 64,extstore x,debugtime p'
  const stats =
    'stats detail on,stats detail dump,stats cachedump 1 0,stats unheard,stats item,stats itemsx,stats items x'
  const wrong =
    'GET a,Get a,ge a,getx a,g,get,gets,gat 0,gat a,set a 0 0,set a 0 0 1 2\r\nx,delete,delete a 0,delete a b'
  const more =
    'version 1,mn x,flush_all 1 2,flush_all -1,verbosity,incr a,incr a -1,incr a b,touch a,mg,ms a,md,ma,me,mg a 1'
  const all = [trapped, quietMeta, streams, endings, odd, stats, wrong, more].join(',').split(',')
  for (const request of all) {
    it(`is tainted by ${JSON.stringify(request)}, and passes on what follows`, () => {
      const proof = after(`${request}\r\n`)
      expect(proof.state).toBe('tainted')
      expect(receive(proof, 'ts=1.0 gid=1 type=item_get\r\n')).toBe(true)
      proof.up(Buffer.from('get a\r\n'))
      expect(proof.state).toBe('tainted')
    })
  }

  it('is tainted by the binary protocol at its first byte', () => {
    for (const magic of ['\x80', '\x81']) expect(after(magic).state).toBe('tainted')
  })
})

/** One of these, up to the key, the numbers and the text; a list may be empty or not. */
function like(answer: string, answers: readonly string[]): boolean {
  const kind = (text: string): string => (/^\d/.test(text) ? 'number' : (text.split(/[ \r]/)[0] ?? ''))
  const kinds = answers.map(kind)
  return (
    kinds.includes(kind(answer)) || (/END$/.test(answer) && kinds.some((known) => /END|STAT/.test(known)))
  )
}

describe('memcached(): states', () => {
  it('is idle before anything was sent, and never dirty', () => {
    expect(open().state).toBe('idle')
  })

  it('is busy until every pipelined request is answered, each in its own way', () => {
    const proof = after('get a\r\nset b 0 0 1\r\nx\r\nmn\r\nincr n 1\r\n')
    for (const answer of ['END\r\n', 'STORED\r\n', 'MN\r\n']) {
      expect(receive(proof, answer)).toBe(true)
      expect(proof.state).toBe('busy')
    }
    expect(receive(proof, '7\r\n')).toBe(true)
    expect(proof.state).toBe('idle')
  })

  it('never delivers what answers nothing, not even an error to half a request', () => {
    for (const up of ['', 'set a 0 0 5\r\nhel', 'get']) {
      for (const stray of [
        'ERROR\r\n',
        'SERVER_ERROR object too large for cache\r\n',
        'STORED\r\n',
        '\n',
        'E',
      ]) {
        const proof = after(up)
        expect(receive(proof, stray)).toBe(false)
        expect(proof.state).toBe('tainted')
      }
    }
  })

  it('is tainted by more requests outstanding than it remembers', () => {
    const proof = open()
    const thousand = Buffer.from('get a\r\n'.repeat(1_000))
    for (let i = 0; i < 16; i++) proof.up(thousand)
    proof.up(Buffer.from('get a\r\n'.repeat(384)))
    expect(proof.state).toBe('busy')
    proof.up(Buffer.from('mn\r\n'))
    expect(proof.state).toBe('tainted')
  })

  it('remembers in order what was asked, over any number of requests', () => {
    const proof = open()
    const requests = ['get a\r\n', 'mn\r\n', 'version\r\n', 'gets a b\r\n']
    const replies = [
      'END\r\n',
      'MN\r\n',
      'VERSION 1\r\n',
      'VALUE a 0 0 1\r\n\r\nVALUE b 0 0 1\r\n\r\nEND\r\n',
    ]
    const waiting = 700
    for (let i = 0; i < 50_000; i++) {
      proof.up(Buffer.from(requests[i % 4] as string))
      if (i >= waiting) expect(receive(proof, replies[(i - waiting) % 4] as string)).toBe(true)
    }
    for (let i = 50_000 - waiting; i < 50_000; i++)
      expect(receive(proof, replies[i % 4] as string)).toBe(true)
    expect(proof.state).toBe('idle')
  })
})
