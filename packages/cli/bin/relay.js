#!/usr/bin/env node
import { endProcess } from '../dist/end-process.js'
import { run } from '../dist/main.js'

await endProcess(await run(process.argv.slice(2)))
