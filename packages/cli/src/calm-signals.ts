import { calmSignals } from './process-signals.js'

// Imported before all else, which takes a while to load.
calmSignals()
