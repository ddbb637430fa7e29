import { ReadBuffer } from '../../src/read-buffer.js'

// Loaded before each test file: memory that was read into is painted the moment it is free, so that whoever still has it queued sends
// paint, in every test that looks at what arrives.
ReadBuffer.onFree = (memory) => memory.fill(0xdb)
