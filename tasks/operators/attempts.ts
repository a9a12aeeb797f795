/** A task's attempts, as its events tell of them. */
import { z } from 'zod'
import type { Charge, TaskEvent } from '../../protocol/index.js'
import { taskErrorSchema } from '../../protocol/messages.js'
import { attemptWorkflowId } from '../../protocol/names.js'
import type { StoredTask, TaskReader } from '../task-reader.js'
import type { OperatorsOptions } from './operated.js'

/** One attempt and its run. Times are unix seconds. */
export const attemptSchema = z.object({
  attempt: z.number().int(),
  workflowId: z.string(),
  runId: z.string().nullable(),
  /** Its page in Temporal's UI, where the configuration says where that is. */
  link: z.string().nullable(),
  claimedAt: z.number().nullable(),
  takeOvers: z.number().int(),
  endedAt: z.number().nullable(),
  outcome: z.enum(['completed', 'failed', 'cancelled']).nullable(),
  error: taskErrorSchema.nullable(),
  /** What its create cost; null if it cost nothing, or nobody knows. */
  charge: z
    .object({
      /** In micro-units, the millionths of the currency's unit. */
      amount: z.number().int(),
      currency: z.string(),
      /** `usage`: as the provider said; `create`: the price of a create; `ambiguous`: what it may have cost. */
      basis: z.enum(['usage', 'create', 'ambiguous']),
    })
    .nullable(),
})

type Attempt = z.infer<typeof attemptSchema>

/** An operator looks at the newest ones. */
const MOST_EVENTS = 1000

export async function attemptsOf(
  tasks: TaskReader,
  namespace: string,
  { id, taskKey, state }: StoredTask,
  { temporalUiUrl, temporalNamespace }: Pick<OperatorsOptions, 'temporalUiUrl' | 'temporalNamespace'>,
): Promise<Attempt[]> {
  const attempts = new Map<number, Attempt>()
  for (const { at, data } of await eventsOf(tasks, id)) {
    if (data.type === 'restored' || data.type === 'retried' || data.type === 'letThrough') continue
    const attempt = attempts.get(data.attempt) ?? {
      attempt: data.attempt,
      workflowId: attemptWorkflowId(namespace, id, taskKey, data.attempt),
      runId: null,
      link: null,
      claimedAt: null,
      takeOvers: 0,
      endedAt: null,
      outcome: null,
      error: null,
      charge: null,
    }
    attempts.set(data.attempt, { ...attempt, ...told(attempt, data, at) })
  }
  return [...attempts.values()].map((attempt) => ({
    ...attempt,
    charge: shownCharge(state.charges?.[attempt.attempt]),
    link: temporalUiUrl === undefined ? null : linkTo(temporalUiUrl, temporalNamespace, attempt),
  }))
}

function shownCharge(charge: Charge | undefined): Attempt['charge'] {
  return charge ? { amount: charge.amount, currency: charge.currency, basis: charge.basis } : null
}

/** What an event says of its attempt. */
function told({ takeOvers }: Attempt, event: TaskEvent, at: number): Partial<Attempt> {
  switch (event.type) {
    case 'queued':
      return event.takeOver ? { takeOvers: takeOvers + 1 } : { claimedAt: at }
    case 'begun':
      return { runId: event.runId }
    case 'completed':
    case 'cancelled':
      return { outcome: event.type, endedAt: at }
    case 'failed':
      return { outcome: event.type, endedAt: at, error: event.error }
    default:
      return {}
  }
}

function linkTo(uiUrl: string, temporalNamespace: string, { workflowId, runId }: Attempt): string {
  const workflow = `namespaces/${encodeURIComponent(temporalNamespace)}/workflows/${encodeURIComponent(workflowId)}`
  return `${uiUrl.replace(/\/$/, '')}/${workflow}${runId === null ? '' : `/${runId}/history`}`
}

async function eventsOf(tasks: TaskReader, id: string): Promise<Array<{ at: number; data: TaskEvent }>> {
  const { table, column } = tasks.events
  const sql =
    `SELECT * FROM (SELECT ${column('id')} AS place, ${column('at')} AS at, ${column('data')} AS data FROM ${table}` +
    ` WHERE ${column('apiCallId')} = $1 ORDER BY ${column('id')} DESC LIMIT ${MOST_EVENTS}) AS newest ORDER BY place`
  return tasks.read('attempts', () => tasks.query(sql, [id]))
}
