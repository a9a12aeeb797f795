/** The public APIs of an integration's tasks: create, read, follow, list and cancel. */
import type { API } from '../../lib/api.js'
import { type CreateTaskOptions, createCreateTaskAPI } from './create-task.js'
import { createGetTaskAPI } from './get-task.js'
import { createOwnTasksAPIs } from './own-tasks.js'
import { createTaskEventsAPI } from './task-events.js'

export interface PublicAPIsOptions extends CreateTaskOptions {
  /** Whether tasks may be created; existing ones can be read in any case. Default: true. */
  enabled: boolean | undefined
}

/** Makes `POST api/<namespace>/<createName>`, and the users' routes below `api/<namespace>/tasks`. */
export function createTaskAPIs(options: PublicAPIsOptions): API[] {
  const ofThose = [createGetTaskAPI(options), createTaskEventsAPI(options), ...createOwnTasksAPIs(options)]
  return options.enabled === false ? ofThose : [createCreateTaskAPI(options), ...ofThose]
}
