/** The public APIs of an integration's tasks: ask for one, look at it, follow it, list one's own, cancel one. */
import type { API } from '../../lib/api.js'
import { type CreateTaskOptions, createCreateTaskAPI } from './create-task.js'
import { createGetTaskAPI } from './get-task.js'
import { createOwnTasksAPIs } from './own-tasks.js'
import { createTaskEventsAPI } from './task-events.js'

export interface PublicAPIsOptions extends CreateTaskOptions {
  /** Whether tasks may be asked for; those that there are can be looked at in any case. Default: true. */
  enabled: boolean | undefined
}

/** Makes `POST api/<namespace>/<createName>`, and below `api/<namespace>/tasks` what users may do with their own. */
export function createTaskAPIs(options: PublicAPIsOptions): API[] {
  const ofThose = [createGetTaskAPI(options), createTaskEventsAPI(options), ...createOwnTasksAPIs(options)]
  return options.enabled === false ? ofThose : [createCreateTaskAPI(options), ...ofThose]
}
