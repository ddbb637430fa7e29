import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { spawnRelay } from '../support/spawn-relay.js'
