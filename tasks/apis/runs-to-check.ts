import { type API, createAPI } from '../../lib/api.js'
import type { TaskState } from '../../protocol/index.js'
import { currentAttempt } from '../../protocol/index.js'
import { RUNS_TO_CHECK } from '../../protocol/names.js'
import { type RunToCheck, runsToCheckAnswerSchema, runsToCheckQuerySchema } from '../../protocol/wire.js'
import { databaseOf, physicalEntity, reading } from '../database/sql.js'
import type { TaskAPIOptions } from './carry-out.js'

/**
 * Makes `GET runsToCheck`: tasks whose run nobody has looked at in Temporal for a while, longest unchecked
 * first, each with the token that a verdict on it has to bring.
 */
export function createRunsToCheckAPI({
  namespace,
  entities: names,
}: Pick<TaskAPIOptions, 'namespace' | 'entities'>): API {
  return createAPI({
    name: RUNS_TO_CHECK,
    namespace,
    method: 'GET',
    internal: true,
    summary: `The ${namespace} runs that were not looked at for a while, longest unchecked first`,
    params: runsToCheckQuerySchema,
    answer: runsToCheckAnswerSchema,
    async callback(_context, { limit, uncheckedForSeconds }) {
      const { table, column } = physicalEntity(this, names.apiCall)
      const uncheckedSince = column('uncheckedSince')
      const sql =
        `SELECT ${column('id')} AS id, ${column('taskKey')} AS "taskKey", ${column('state')} AS state FROM ${table}` +
        ` WHERE ${uncheckedSince} <= extract(epoch FROM statement_timestamp())::float8 - $2::float8` +
        ` ORDER BY ${uncheckedSince} LIMIT $1`
      const rows = await reading(this, `${names.apiCall}:runsToCheck`, () =>
        databaseOf(this).query<{ id: unknown; taskKey: string; state: TaskState }>(sql, [limit, uncheckedForSeconds]),
      )
      return { runs: rows.map(({ id, taskKey, state }) => runToCheck(String(id), taskKey, state)) }
    },
  })
}

function runToCheck(apiCallId: string, taskKey: string, state: TaskState): RunToCheck {
  return {
    apiCallId,
    taskKey,
    attempt: currentAttempt(state),
    fencingToken: state.fencingToken ?? '',
    status: state.status,
    ...(state.runId !== null && { runId: state.runId }),
  }
}
