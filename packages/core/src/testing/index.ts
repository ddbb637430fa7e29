export { checkStage, type StageCheck, type StageExample } from './check-stage.js'
export { runStage, type StageRun, type StageScript } from './run-stage.js'
export { socketPair } from './socket-pair.js'
