/** Reads this repository's configuration, without reading it at once as `config.ts` does. */
import { application } from '../application.js'

export const { loadConfig } = application
