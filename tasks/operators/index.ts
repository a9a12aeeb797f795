/** The operators' APIs over all integrations, at `api/operator/…`. */
import type { API } from '../../lib/api.js'
import { createChangesAPI } from './changes.js'
import { CountedEnds } from './counted-ends.js'
import { createDaemonsAPI } from './daemons.js'
import { createHistoryAPI } from './history.js'
import { createTaskListAPI } from './list.js'
import { createManyAPIs } from './many.js'
import type { OperatorsOptions } from './operated.js'
import { createStatsAPI } from './stats.js'
import { createTaskAPI } from './task.js'

export type { OperatedTasks, OperatorsOptions } from './operated.js'

export function createOperatorsAPIs(options: OperatorsOptions): API[] {
  const ends = new CountedEnds()
  return [
    createStatsAPI(options, ends),
    createHistoryAPI(options, ends),
    createChangesAPI(options),
    createDaemonsAPI(options),
    createTaskListAPI(options),
    createTaskAPI(options),
    ...createManyAPIs(options),
  ]
}
