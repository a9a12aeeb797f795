/** The contract suite, held by a definition of each shape. */
import { describe } from 'vitest'
import { contractSuite } from '@/testing/index.js'
import { polledSpeech, speechAtOnce, spelling, unlistedSpeech, wordCount } from '../provider-kit/speech.js'
import { createSpeechAtOnceSimulator, createSpeechSimulator } from '../provider-kit/speech-simulator.js'

const request = { text: 'one two three' }

describe('a provider that is polled', () => contractSuite(polledSpeech, { createSimulator: createSpeechSimulator }))
describe('a provider that answers one request', () =>
  contractSuite(speechAtOnce, { request, createSimulator: createSpeechAtOnceSimulator }))
describe('work without a provider', () => contractSuite(wordCount, { request, result: { words: 3 } }))
describe('a provider that cannot be asked what it has made', () =>
  contractSuite(unlistedSpeech, { request, createSimulator: createSpeechSimulator }))
describe('workflows of one’s own', () =>
  contractSuite(spelling, { request, workflows: new URL('../workflows/fixtures/spelling.ts', import.meta.url) }))
