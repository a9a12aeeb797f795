/** What operators see and steer: the tasks of all integrations. */
import { z } from 'zod'
import { OPERATOR_NAMESPACE } from '../../protocol/names.js'
import type { TaskAPIOptions } from '../apis/carry-out.js'
import type { TaskStore } from '../task-store.js'

/** An integration's tasks; `logger` is told of each move. */
export interface OperatedTasks extends Omit<TaskAPIOptions, 'store'> {
  store: TaskStore
}

export interface OperatorsOptions {
  /** Called for each request: they are set up after the APIs are made. */
  operated(): OperatedTasks[]
  /** Where people find Temporal's UI, for links to runs. */
  temporalUiUrl?: string | undefined
  /** Temporal's namespace. */
  temporalNamespace: string
}

/** For APIs of operators alone. */
export const FOR_OPERATORS = { namespace: OPERATOR_NAMESPACE, internal: true, operator: true } as const

export const integrationSchema = z.string().min(1).max(100)

/** Those of one integration, or of all. */
export function choose(operated: OperatedTasks[], integration: string | undefined): OperatedTasks[] {
  return integration === undefined ? operated : operated.filter(({ namespace }) => namespace === integration)
}
