/** The simulators' HTTP: the variables of each request. */
import type { HttpBindings } from '@hono/node-server'
import type { Context, Hono } from 'hono'
import type { LoggedRequest } from './request-log.js'

/** Every answer has this header, which marks it as simulated. */
export const SIMULATOR_HEADER = 'x-simulator'

export type SimulatorEnv = {
  Bindings: HttpBindings
  Variables: {
    /** The body, if it is JSON. */
    json: unknown
    /** The request in the log. */
    entry: LoggedRequest
    /** The simulator's. */
    name: string
  }
}
export type SimulatorContext = Context<SimulatorEnv>
export type SimulatorApp = Hono<SimulatorEnv>
