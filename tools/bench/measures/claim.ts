/** What a claim costs main: in a batch that is written set-based, in a batch through interaqt's storage, and alone. */
import { randomUUID } from 'node:crypto'
import type { Controller } from 'interaqt'
import { DEFAULT_TASK_POLICY } from '../../../protocol/index.js'
import { claimBatch } from '../../../tasks/claim-batch.js'
import { databaseOf, inTransaction } from '../../../tasks/database/sql.js'
import { callEntityNames } from '../../../tasks/entities.js'
import { EventLog } from '../../../tasks/event-log.js'
import { TaskStore } from '../../../tasks/task-store.js'
import { multiplyTask } from '../../../tests/support/rows.js'
import { plantTask } from '../../../tests/support/tasks.js'
import { withMains } from '../in-process.js'
import type { Figures, Measure } from '../measure.js'
import { median } from '../statistics.js'

const NAMES = callEntityNames('TestAsyncTask')
const AT_ONCE = 32
const MOST_TURNS = 30

interface Cost {
  ms: number
  statements: number
}

export const claim: Measure = {
  title: `Claiming a task in a batch of ${AT_ONCE}: main’s own time, and statements`,
  databases: ['postgresql'],
  run: ({ database, tasks }) =>
    withMains(database, 1, async (mains) => {
      const [{ controller }] = mains as [(typeof mains)[number]]
      const turns = Math.min(MOST_TURNS, Math.ceil(tasks / AT_ONCE))
      await multiplyTask(controller, NAMES, await plantTask(controller), 3 * turns * AT_ONCE)
      return inTurns(ways(controller), turns, countStatements(databaseOf(controller)))
    }),
}

/** By name, each gives how many tasks it has claimed. */
function ways(controller: Controller): Record<string, () => Promise<number>> {
  const rules = { policy: DEFAULT_TASK_POLICY }
  const store = new TaskStore(controller, NAMES, rules)
  const inBatch = (listened: boolean) => async () => {
    const batch = { claimId: randomUUID(), limit: AT_ONCE }
    const log = new EventLog(store, listened)
    const { tasks } = await inTransaction(controller, 'bench', () => claimBatch(store, rules, log, batch))
    return tasks.length
  }
  const alone = async () => {
    const { table, column } = store.calls
    const next = `SELECT ${column('id')} AS id FROM ${table} WHERE ${column('status')} = 'pending' LIMIT 1`
    const [row] = await store.query<{ id: string }>(next, [])
    return Number((await store.carryOut(String(row?.id), { from: 'processor', status: 'queued' }))?.answer.ok)
  }
  return { inBatch: inBatch(false), throughInteraqt: inBatch(true), alone }
}

/** The ways take turns, so that the machine's other load affects all of them. */
async function inTurns(
  all: Record<string, () => Promise<number>>,
  turns: number,
  statements: { count: number },
): Promise<Figures> {
  const costs = new Map<string, Cost[]>(Object.keys(all).map((name) => [name, []]))
  for (let turn = 0; turn < turns; turn += 1) {
    for (const [name, claimSome] of Object.entries(all)) {
      const [cpu, asked] = [process.cpuUsage(), statements.count]
      const claimed = await claimSome()
      const { user, system } = process.cpuUsage(cpu)
      costs.get(name)?.push({
        ms: (user + system) / 1000 / claimed,
        statements: (statements.count - asked) / claimed,
      })
    }
  }
  const figures: Figures = {}
  for (const [name, of] of costs) {
    figures[`${name}MainMs`] = median(of.map(({ ms }) => ms))
    figures[`${name}Statements`] = median(of.map((cost) => cost.statements))
  }
  return figures
}

type Counted = Record<'query' | 'insert' | 'update', (...args: never[]) => unknown>

/** BEGIN and COMMIT are not counted: they go past the driver's own methods. */
function countStatements(database: object): { count: number } {
  const statements = { count: 0 }
  const counted = database as Counted
  for (const name of ['query', 'insert', 'update'] as const) {
    const method = counted[name].bind(database)
    counted[name] = (...args) => {
      statements.count += 1
      return method(...args)
    }
  }
  return statements
}
