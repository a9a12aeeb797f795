/** A small provider that speaks texts: by tasks that are polled, or at once. */
import { simulate } from '@/simulator/index.js'
import { polledSpeech, speechAtOnce } from './speech.js'

/** What every text is spoken as: the beginning of an MP3 file. */
export const MP3 = Buffer.from(`fffb9064${'00'.repeat(60)}`, 'hex')

const file = { bytes: MP3, type: 'text/html' }

const WORDS = { working: 'waiting', done: 'done', failed: 'broken', cancelled: 'stopped' }

export const createSpeechSimulator = simulate(polledSpeech, {
  path: '/v1/speech',
  show: ({ id, request, state, url, error }) => ({
    ...{ id, ref: request.ref, state: WORDS[state], url, seconds: 2 },
    ...(error && { why: error }),
  }),
  file,
})

export const createSpeechAtOnceSimulator = simulate(speechAtOnce, { path: '/v1/now', file })
