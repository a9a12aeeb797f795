/** What every part of the page may use. */
import { createContext } from 'preact'
import type { APIs } from './asking.js'
import type { Live } from './live.js'

export interface ConsoleContext {
  apis: APIs
  live: Live
}

/** There is one wherever it is used: only who is signed in sees pages. */
export const Console = createContext<ConsoleContext>(undefined as unknown as ConsoleContext)
