import { gridTest } from './grid-test.js'

gridTest('mixed')
