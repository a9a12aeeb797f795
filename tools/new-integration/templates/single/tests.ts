/** newIntegration: what has to hold for any provider that answers one request, and what it makes. */
import { contractSuite } from '../../../../testing/index.js'
import { newIntegration } from './index.js'
import { createSimulator } from './simulator.js'

contractSuite(newIntegration, { createSimulator, result: { file: { mimeType: 'text/plain' } } })
