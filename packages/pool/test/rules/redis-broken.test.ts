import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { after, command, isKept, line, open, openResp3, shapeOf } from './redis-support.js'

describe('redis(): broken requests', () => {
  const forged: Record<string, string> = {
    'inline command': 'PING\r\n',
    'inline with lone LF': 'PING\nPING\r\n',
    'empty line': '\r\n',
    'CR without LF after the count': '*1\rX$4\r\nPING\r\n',
    'CR without LF after the length': '*1\r\n$4\rXPING\r\n',
    'lone LF after the count': '*1\n$4\r\nPING\r\n',
    'lone LF after the length': '*1\r\n$4\nPING\r\n',
    'CR without LF after a long length': '*2\r\n$4\r\nECHO\r\n$10\rXPINGPINGPI\r\n',
    'LF without CR after a long length': '*2\r\n$4\r\nECHO\r\n$10X\nPINGPINGPI\r\n',
    'wrong trailer': '*1\r\n$4\r\nPINGxx',
    'half a trailer': '*1\r\n$4\r\nPING\rx',
    'lone LF trailer': '*1\r\n$4\r\nPING\n\n',
    'null array': '*-1\r\n',
    'empty array': '*0\r\n',
    'null bulk': '*2\r\n$4\r\nECHO\r\n$-1\r\n',
    'no count': '*\r\n$4\r\nPING\r\n',
    'no length': '*1\r\n$\r\nPING\r\n',
    'leading zero in the count': '*01\r\n$4\r\nPING\r\n',
    'leading zero in the length': '*1\r\n$04\r\nPING\r\n',
    'double zero': '*2\r\n$4\r\nECHO\r\n$00\r\n\r\n',
    'plus sign': '*+1\r\n$4\r\nPING\r\n',
    'plus sign in the length': '*1\r\n$+4\r\nPING\r\n',
    'negative zero': '*2\r\n$4\r\nECHO\r\n$-0\r\n\r\n',
    'space before the count': '* 1\r\n$4\r\nPING\r\n',
    'space after the length': '*1\r\n$4 \r\nPING\r\n',
    'huge count': '*1048577\r\n',
    'count beyond 2^64': '*99999999999999999999999\r\n',
    'huge length': '*1\r\n$536870913\r\n',
    'hexadecimal length': '*1\r\n$0x4\r\nPING\r\n',
    'an integer as argument': '*1\r\n:4\r\n',
    'a simple string as argument': '*1\r\n+PING\r\n',
    'a nested array': '*1\r\n*1\r\n$4\r\nPING\r\n',
    'a RESP3 set': '~1\r\n$4\r\nPING\r\n',
    'over-long argument': '*1\r\n$3\r\nPING\r\n',
    'one argument too many': '*1\r\n$4\r\nPING\r\n$1\r\nx\r\n',
  }
  for (const [name, bytes] of Object.entries(forged)) {
    it(`is tainted by: ${name}`, () => {
      const proof = open()
      proof.up(Buffer.from(bytes))
      expect(proof.state).toBe('tainted')
      const slowly = open()
      for (const byte of Buffer.from(bytes)) slowly.up(Buffer.from([byte]))
      expect(slowly.state).toBe('tainted')
      // The client's own doing: what the server says to it is still the client's.
      expect(proof.down(Buffer.from('-ERR Protocol error\r\n'))).toBe(true)
      proof.up(line('PING'))
      expect(proof.state).toBe('tainted')
    })
  }

  it('is tainted by every length that is not written in decimal digits', () => {
    for (let byte = 0; byte < 256; byte++) {
      if (byte >= 0x30 && byte <= 0x39) continue
      const wrong = String.fromCharCode(byte)
      for (const [written, length] of [
        [wrong, byte - 0x30],
        [`${wrong}1`, (byte - 0x30) * 10 + 1],
        [`1${wrong}`, byte - 0x30 + 10],
        [`10${wrong}`, byte - 0x30 + 100],
      ] as const) {
        const body = 'x'.repeat(Math.max(0, length))
        const proof = open()
        proof.up(Buffer.from(`*2\r\n$4\r\nECHO\r\n$${written}\r\n${body}\r\n`, 'latin1'))
        proof.down(Buffer.from('$1\r\nx\r\n'))
        expect(isKept(proof), JSON.stringify(written)).toBe(false)
        const header = open()
        header.up(Buffer.from(`*2\r\n$4\r\nECHO\r\n$${written}\r\n*1\r\n$4\r\nPING\r\n`, 'latin1'))
        expect(header.state, JSON.stringify(written)).toBe('tainted')
        const counted = open()
        counted.up(Buffer.from(`*${written}\r\n${'$4\r\nECHO\r\n'.repeat(Math.max(0, length))}`, 'latin1'))
        counted.down(Buffer.from('$1\r\nx\r\n'))
        expect(isKept(counted), JSON.stringify(written)).toBe(false)
        const answered = open()
        answered.up(line('GET a'))
        answered.down(Buffer.from(`$${written}\r\n${body}\r\n`, 'latin1'))
        expect(isKept(answered), JSON.stringify(written)).toBe(false)
      }
    }
  })

  it('never leaves tainted', () => {
    const proof = after('PING\r\n', '+PONG\r\n')
    proof.up(line('RESET'))
    proof.down(Buffer.from('+RESET\r\n'))
    expect(proof.state).toBe('tainted')
  })

  it('takes the largest count and length that a server takes', () => {
    const proof = open()
    proof.up(Buffer.from('*1048576\r\n$3\r\nDEL\r\n$536870912\r\n'))
    expect(proof.state).toBe('partial')
  })
})

describe('redis(): broken replies', () => {
  const forged: Record<string, string> = {
    'no type': 'PONG\r\n',
    'lone LF': '+PONG\n',
    'CR without LF': '+PO\rNG\r\n',
    'LF in a line': '+PO\nNG\r\n',
    'wrong trailer': '$4\r\nPONGxx',
    'wrong second byte of a trailer': '$4\r\nPONG\rx',
    'over-long bulk': '$3\r\nPONG\r\n',
    'leading zero': '$04\r\nPONG\r\n',
    'plus sign': '$+4\r\nPONG\r\n',
    'minus two': '$-2\r\n',
    'minus eleven': '$-11\r\n',
    'minus one of an array element': '*-1x',
    'no length': '$\r\n',
    'huge length': '$100000000000\r\n',
    'huge count': '*99999999999999999999\r\n',
    'no integer': ':\r\n',
    'only a sign': ':-\r\n',
    'letters in an integer': ':1a\r\n',
    'space in an integer': ': 1\r\n',
    'a push in RESP2': '>1\r\n+x\r\n',
    'a nested push': '*1\r\n>1\r\n+x\r\n',
    'a RESP3 null in RESP2': '_\r\n',
    'a RESP3 map in RESP2': '%1\r\n+a\r\n+b\r\n',
    'a RESP3 null inside an array in RESP2': '*1\r\n_\r\n',
    'an end without a stream': '.\r\n',
  }
  for (const [name, bytes] of Object.entries(forged)) {
    it(`is tainted by, and never delivers: ${name}`, () => {
      const proof = open()
      proof.up(line('PING'))
      expect(proof.down(Buffer.from(bytes))).toBe(false)
      expect(proof.state).toBe('tainted')
      expect(proof.down(Buffer.from('+PONG\r\n'))).toBe(false)
      const slowly = open()
      slowly.up(line('PING'))
      const all = [...Buffer.from(bytes)].map((byte) => slowly.down(Buffer.from([byte])))
      expect(all.at(-1)).toBe(false)
    })
  }

  const forged3: Record<string, string> = {
    'a push': '>2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n',
    'a null map': '%-1\r\n',
    'a null set': '~-1\r\n',
    'a null verbatim string': '=-1\r\n',
    'half a boolean': '#x\r\n',
    'a long boolean': '#tt\r\n',
    'a full null': '_x\r\n',
    'an empty double': ',\r\n',
    'a strange double': ',1;2\r\n',
    'an empty big number': '(\r\n',
    'a streamed element': ';4\r\nPONG\r\n',
  }
  for (const [name, bytes] of Object.entries(forged3)) {
    it(`is tainted in RESP3 by, and never delivers: ${name}`, () => {
      const proof = openResp3()
      proof.up(line('PING'))
      expect(proof.down(Buffer.from(bytes))).toBe(false)
      expect(proof.state).toBe('tainted')
    })
  }

  for (const bytes of [
    '$?\r\n',
    '*?\r\n',
    '%?\r\n',
    '~?\r\n',
    '*1\r\n'.repeat(33),
    '|1\r\n'.repeat(33),
    '*1\r\n'.repeat(100),
  ]) {
    it(`is tainted by what it does not follow, but passes it on: ${JSON.stringify(bytes.slice(0, 12))}`, () => {
      const proof = openResp3()
      proof.up(line('PING'))
      expect(proof.down(Buffer.from(bytes))).toBe(true)
      expect(proof.state).toBe('tainted')
      expect(proof.down(Buffer.from('anything'))).toBe(true)
    })
  }

  it('follows 32 levels', () => {
    expect(after(line('PING'), `${'*1\r\n'.repeat(32)}:1\r\n`).state).toBe('idle')
  })
})

describe('redis(): replies that nobody asked for', () => {
  it('are not delivered on a connection at rest', () => {
    for (const bytes of ['+OK\r\n', '-ERR timeout\r\n', '$', '\n', '>1\r\n+x\r\n']) {
      const proof = open()
      expect(proof.down(Buffer.from(bytes))).toBe(false)
      expect(proof.state).toBe('tainted')
      proof.up(line('PING'))
      expect(proof.down(Buffer.from('+PONG\r\n'))).toBe(false)
    }
  })

  it('are not delivered behind the last answer, in one chunk or the next', () => {
    for (const surplus of ['+PONG\r\n', '\r', '\n', '-', '$']) {
      expect(after(line('PING'), '').down(Buffer.from(`+PONG\r\n${surplus}`))).toBe(false)
      const proof = after(line('PING'), '+PONG\r\n')
      expect(proof.down(Buffer.from(surplus))).toBe(false)
      expect(proof.state).toBe('tainted')
    }
  })

  it('are not delivered while a request is half sent: even an error may have been meant for somebody before', () => {
    const half = line('SET a b').subarray(0, -1)
    for (const answer of ['-ERR Protocol error: invalid bulk length\r\n', '+OK\r\n']) {
      const proof = open()
      proof.up(half)
      expect(proof.down(Buffer.from(answer))).toBe(false)
      expect(proof.state).toBe('tainted')
    }
  })

  it('ignores empty chunks', () => {
    const proof = open()
    proof.up(Buffer.alloc(0))
    expect(proof.down(Buffer.alloc(0))).toBe(true)
    expect(proof.state).toBe('idle')
  })
})

describe('redis(): garbage', () => {
  it('never looks reusable after any bytes that were not whole canonical requests', () => {
    const alphabet = fc.constantFrom(...Buffer.from('*$+-:_,#(!=%~|>?0123456789\r\n aGET'))
    const garbage = fc.uint8Array({ minLength: 1, maxLength: 64 }).map((bytes) => Buffer.from(bytes))
    const likely = fc.array(alphabet, { minLength: 1, maxLength: 64 }).map((bytes) => Buffer.from(bytes))
    fc.assert(
      fc.property(fc.oneof(garbage, likely), fc.oneof(garbage, likely), fc.boolean(), (up, down, resp3) => {
        const proof = resp3 ? openResp3() : open()
        proof.up(up)
        if (isKept(proof)) return false
        proof.down(down)
        return !isKept(proof)
      }),
      { numRuns: 5_000 },
    )
  })

  it('never looks reusable after a byte of the framing was lost or doubled', () => {
    const up = Buffer.concat([command('SET', 'k', 'v'.repeat(12)), line('GET k'), line('HGETALL h')])
    const down = Buffer.from('+OK\r\n$12\r\nvvvvvvvvvvvv\r\n*2\r\n$1\r\na\r\n$3\r\nbbb\r\n')
    expect(after(up, down).state).toBe('idle')
    for (const at of up.keys()) {
      expect(isKept(after(without(up, at), down)), `request without byte ${at}`).toBe(false)
      expect(isKept(after(doubling(up, at), down)), `request with byte ${at} twice`).toBe(false)
    }
    // From the first CR on: the text of a simple string may be any.
    for (const at of [...down.keys()].slice(3)) {
      expect(isKept(after(up, without(down, at))), `reply without byte ${at}`).toBe(false)
      expect(isKept(after(up, doubling(down, at))), `reply with byte ${at} twice`).toBe(false)
    }
  })

  it('remembers only numbers after 64 KiB of anything', () => {
    const pairs = fc.array(fc.tuple(fc.uint8Array({ minLength: 256 }), fc.nat(4)), {
      minLength: 1,
      maxLength: 8,
    })
    fc.assert(
      fc.property(pairs, (pieces) => {
        const begun = ['*1\r\n$60000\r\n', line('GET a'), line('MULTI'), '*1000\r\n', '']
        const replies = ['', '$60000\r\n', '+', '*100\r\n'.repeat(9), '']
        const proofs = begun.map((up, i) => after(up, replies[i] ?? ''))
        const fresh = shapeOf(open())
        expect(fresh).toMatchObject({ '#sent': 'number', '#requests': { '#bytesLeft': 'number' } })
        for (let sent = 0; sent < 65_536; ) {
          for (const [bytes, which] of pieces) {
            proofs[which]?.up(Buffer.from(bytes))
            proofs[which]?.down(Buffer.from(bytes))
            sent += bytes.length
          }
        }
        for (const proof of proofs) expect(shapeOf(proof)).toEqual(fresh)
      }),
      { numRuns: 20 },
    )
  })
})

function without(bytes: Buffer, at: number): Buffer {
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)])
}

function doubling(bytes: Buffer, at: number): Buffer {
  return Buffer.concat([bytes.subarray(0, at + 1), bytes.subarray(at)])
}
