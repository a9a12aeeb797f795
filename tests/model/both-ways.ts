/** Appends each change in both ways, one after the other from the same rows, and compares all that they leave. */
import { expect, vi } from 'vitest'
import { databaseOf, type PhysicalEntity } from '@/tasks/database/sql.js'
import { type Change, EventLog } from '@/tasks/event-log.js'
import type { TaskReader } from '@/tasks/task-reader.js'

/** From here on, until mocks are restored. The two take turns in being kept: either has to follow the other. */
export function appendBothWays(): void {
  const { append } = EventLog.prototype
  let turn = 0
  vi.spyOn(EventLog.prototype, 'append').mockImplementation(async function (this: EventLog, changes) {
    const { tasks } = this as unknown as { tasks: TaskReader }
    const ways = [true, false].map((listened) => () => append.call(new EventLog(tasks, listened), changes))
    const [tried, kept] = turn++ % 2 === 0 ? ways : ways.reverse()
    const database = databaseOf(tasks.controller)
    await database.query('SAVEPOINT both_ways', [])
    const triedSteps = await tried?.()
    const other = await rowsOf(tasks, changes)
    await database.query('ROLLBACK TO SAVEPOINT both_ways', [])
    const steps = (await kept?.()) ?? []
    expect(await rowsOf(tasks, changes)).toEqual(other)
    expect(steps).toEqual(triedSteps)
    return steps
  })
}

/** Every column of every row of these tasks, as text; what an event's row is called differs each time. */
async function rowsOf({ calls, events, controller }: TaskReader, changes: Change[]): Promise<unknown> {
  const database = databaseOf(controller)
  const ids = changes.map(({ row }) => row.id)
  const read = async ({ table, column }: PhysicalEntity, key: string, except: string[]) => {
    const found = await database.query<{ name: string }>(
      'SELECT column_name AS name FROM information_schema.columns WHERE table_name = $1 ORDER BY 1',
      [table.slice(1, -1)],
    )
    const names = found.map(({ name }) => `"${name}"`).filter((name) => !except.includes(name))
    const texts = names.map((name) => `${name}::text AS ${name}`).join(', ')
    return database.query(
      `SELECT ${texts} FROM ${table} WHERE ${column(key)}::text = ANY($1) ORDER BY ${column('id')}`,
      [ids],
    )
  }
  return {
    calls: await read(calls, 'id', []),
    events: await read(events, 'apiCallId', ['"_rowId"', events.column('id')]),
  }
}
