#!/usr/bin/env node
import '../dist/calm-signals.js'

// Not by name above: those would be loaded before anything runs.
const { endProcess } = await import('../dist/end-process.js')
const { run } = await import('../dist/main.js')

await endProcess(await run(process.argv.slice(2)))
