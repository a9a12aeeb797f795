/** Main's answers, as its schemas have them: types alone, as nothing of main is loaded here. */
import type { z } from 'zod'
import type { integrationStateSchema } from '../../../tasks/apis/control-integration.js'
import type { recordedActsSchema } from '../../../tasks/apis/operator-acts.js'
import type { daemonsSchema } from '../../../tasks/operators/daemons.js'
import type { historySchema } from '../../../tasks/operators/history.js'
import type { taskListSchema } from '../../../tasks/operators/list.js'
import type { manyAnswerSchema } from '../../../tasks/operators/many.js'
import type { statsSchema } from '../../../tasks/operators/stats.js'
import type { operatedTaskSchema } from '../../../tasks/operators/task.js'
import type { Session as WholeSession } from '../sessions.js'

/** Who is signed in; `csrf` is empty if the application has signed them in. */
export type Session = Pick<WholeSession, 'name' | 'csrf'> & { until: number | null }

export type Stats = z.infer<typeof statsSchema>
export type IntegrationStats = Stats['integrations'][number]
export type IntegrationState = z.infer<typeof integrationStateSchema>
export type History = z.infer<typeof historySchema>
export type IntegrationHistory = History['integrations'][number]
export type Daemon = z.infer<typeof daemonsSchema>['daemons'][number]
export type Spend = NonNullable<IntegrationStats['spend']>
export type TaskList = z.infer<typeof taskListSchema>
export type ListedTask = TaskList['tasks'][number]
export type Task = z.infer<typeof operatedTaskSchema>
export type TimelineEntry = Task['timeline'][number]
export type Run = Task['runs'][number]
export type ManyAnswer = z.infer<typeof manyAnswerSchema>
export type RecordedActs = z.infer<typeof recordedActsSchema>
export type Act = RecordedActs['acts'][number]
export type Status = ListedTask['status']
