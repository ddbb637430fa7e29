// `node --import` this before the built command, and it paints its memory as painted-memory.ts does that of a test.
import { ReadBuffer } from '../../dist/read-buffer.js'

ReadBuffer.onFree = (memory) => memory.fill(0xdb)
