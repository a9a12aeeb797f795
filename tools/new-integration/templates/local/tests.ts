/** newIntegration: what has to hold for any work without a provider, and what it makes. */
import { contractSuite } from '../../../../testing/index.js'
import { newIntegration } from './index.js'

contractSuite(newIntegration, { request: { text: 'one two three' }, result: { words: 3 } })
