import type { Logger } from 'pino'
import { createProcessLogger } from '../lib/logger.js'

/** As of any process of this product. */
export function createLogger(): Logger {
  return createProcessLogger('main')
}
