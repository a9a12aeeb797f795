/** newIntegration: what has to hold for any workflow of one's own, and what it makes. */
import { contractSuite } from '../../../../testing/index.js'
import * as activities from './activities/index.js'
import { newIntegration } from './index.js'

const workflows = new URL('./workflows/index.ts', import.meta.url)

contractSuite(newIntegration, { workflows, activities, request: { text: 'one two three' }, result: { words: 3 } })
