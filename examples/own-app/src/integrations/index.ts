/** The integrations of this application: a line for each. */
export { acmeSpeech } from './acmeSpeech/index.js'
