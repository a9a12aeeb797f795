/** Everything that was ever started, according to Temporal. */
import { setTimeout as delay } from 'node:timers/promises'
import { Client, Connection } from '@temporalio/client'
import type { Violation } from './violation.js'

export interface Execution {
  workflowId: string
  runId: string
}

const LOOK_EVERY_MS = 1_000
const CALL_TIMEOUT_MS = 30_000

/** Every execution that visibility lists, once it has caught up: when two lists in a row are the same. */
export async function readExecutions(address: string): Promise<Execution[]> {
  const connection = Connection.lazy({ address })
  const client = new Client({ connection })
  const list = (): Promise<Execution[]> =>
    connection.withDeadline(Date.now() + CALL_TIMEOUT_MS, async () => {
      const executions: Execution[] = []
      for await (const { workflowId, runId } of client.workflow.list()) executions.push({ workflowId, runId })
      return executions
    })
  try {
    let last = await list()
    for (;;) {
      await delay(LOOK_EVERY_MS)
      const next = await list()
      if (next.length === last.length) return next
      last = next
    }
  } finally {
    await connection.close()
  }
}

/** Attempts with more than one execution, under any task key. */
export function judgeExecutions(executions: readonly Execution[]): Violation[] {
  const byAttempt = new Map<string, Set<string>>()
  for (const { workflowId, runId } of executions) {
    const [namespace, id, , attempt] = workflowId.split(':')
    const key = `${namespace} ${id}, attempt ${attempt}`
    byAttempt.set(key, (byAttempt.get(key) ?? new Set()).add(runId))
  }
  return [...byAttempt].flatMap(([task, runIds]) =>
    runIds.size === 1
      ? []
      : [{ counts: 'duplicateStarts', task, what: `was started ${runIds.size} times: ${[...runIds].join(', ')}` }],
  )
}
