import { type API, createAPI } from '../../lib/api.js'
import { RUNS_TO_CHECK } from '../../protocol/names.js'
import { runsToCheckAnswerSchema, runsToCheckQuerySchema } from '../../protocol/wire.js'
import type { TaskAPIOptions } from './carry-out.js'

/**
 * Makes `GET runsToCheck`: tasks whose run has not been checked in Temporal for a while, longest unchecked first, each
 * with the token that a verdict on it has to carry.
 */
export function createRunsToCheckAPI({ namespace, store }: TaskAPIOptions): API {
  return createAPI({
    name: RUNS_TO_CHECK,
    namespace,
    method: 'GET',
    internal: true,
    summary: `The ${namespace} runs that were not looked at for a while, longest unchecked first`,
    params: runsToCheckQuerySchema,
    answer: runsToCheckAnswerSchema,
    async callback({ daemon }, { limit, uncheckedForSeconds }) {
      store().asks(daemon, { forTasks: false })()
      return { runs: await store().runsToCheck(limit, uncheckedForSeconds) }
    },
  })
}
