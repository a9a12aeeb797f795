import fc from 'fast-check'
import { currentAttempt, type TaskRequest, type TaskState } from '@/protocol/index.js'

/** Any request, by anybody, at any time: fresh and stale tokens, right and wrong attempts, runs and rows. */
export interface Command {
  request: (state: TaskState) => TaskRequest
  wait: number
}

const attemptOffset = fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 0, -1, -1, 1, 1, -2, 2)
const runId = fc.constantFrom('run-a', 'run-a', 'run-b')
const error = { code: 'x', message: 'x' }

const fromRun = fc.record({ offset: attemptOffset, runId, retryable: fc.boolean(), ended: fc.boolean() })
const fromProcessor = fc.record({ offset: attemptOffset, stale: fc.boolean() })

const request: fc.Arbitrary<Command['request']> = fc.oneof(
  fc.boolean().map((alone) => () => ({ from: 'processor', status: 'queued', alone }) as const),
  fc
    .tuple(fc.constantFrom('begin', 'processing', 'waiting', 'resumed', 'completed', 'failed'), fromRun)
    .map(([status, { offset, runId, retryable, ended }]) => (state: TaskState): TaskRequest => {
      const base = { from: 'run' as const, attempt: Math.max(1, currentAttempt(state) + offset), runId }
      if (status === 'failed') return { status, ...base, error, retryable, providerEnded: ended }
      if (status === 'completed') return { status, ...base, result: 1 }
      if (status === 'waiting') return { status, ...base, reason: { code: ended ? 'x' : 'y', message: '' } }
      if (status === 'processing' && ended) return { status, ...base, providerTask: { id: 'p', attempt: base.attempt } }
      return { status, ...base }
    }),
  fc
    .tuple(fc.constantFrom('released', 'running', 'closed', 'completed', 'failed'), fromProcessor)
    .map(([status, { offset, stale }]) => (state: TaskState): TaskRequest => {
      const base = {
        from: 'processor' as const,
        attempt: Math.max(1, currentAttempt(state) + offset),
        fencingToken: stale ? 'stale-token' : (state.fencingToken ?? 'none'),
      }
      if (status === 'failed') return { status, ...base, error, retryable: true }
      if (status === 'completed') return { status, ...base, result: 1 }
      return { status, ...base } as TaskRequest
    }),
  fc
    .constantFrom<TaskRequest>(
      { from: 'operator', status: 'cancelled', by: 'app' },
      { from: 'operator', status: 'retry', by: 'ops', extraAttempts: 1 },
      { from: 'operator', status: 'letThrough', by: 'ops', reason: 'urgent' },
    )
    .map((fixed) => () => fixed),
)

/** Now and then the sender means an earlier row of the same id; an operator means the row that there is. */
const anyRowsRequest: typeof request = fc
  .tuple(request, fc.constantFrom(...Array<boolean>(9).fill(false), true))
  .map(([ask, ofEarlierRow]) => (state) => {
    const asked = ask(state)
    return ofEarlierRow && asked.from !== 'operator' ? { ...asked, taskKey: 'k3Y-of-an-earlier-row' } : asked
  })

/** What is asked of one task, one after another, and how long nobody asks anything in between. */
export const commands = fc.array(fc.record({ request: anyRowsRequest, wait: fc.constantFrom(0, 1, 400, 5000) }), {
  maxLength: 40,
})
