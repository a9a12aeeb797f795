/**
 * Finds tasks by what operators ask for, the newest first, in pages (keyset pagination). An index serves each of the
 * orders: by user, by error code, and by status; of all statuses, the newest of each are merged.
 */
import { z } from 'zod'
import { TASK_STATUSES, type TaskStatus } from '../../protocol/index.js'
import { MAX_ERROR_CODE_LENGTH, MAX_USER_ID_LENGTH } from '../../protocol/limits.js'
import { spelledNumber, taskStatusSchema } from '../../protocol/wire.js'
import { errorCode } from '../task-indexes.js'
import { MOST_COUNTED } from '../task-numbers.js'
import { STORED_FIELDS, type StoredTask } from '../task-reader.js'
import { integrationSchema, type OperatedTasks } from './operated.js'
import { beyond, inListOrder, type Place } from './place.js'

const time = spelledNumber(z.number().min(0))

/** All of them have to hold. Times are unix seconds. */
export const taskFilterFields = {
  integration: integrationSchema.optional(),
  status: taskStatusSchema.optional(),
  /** Of the last failure. */
  code: z.string().min(1).max(MAX_ERROR_CODE_LENGTH).optional(),
  user: z.string().min(1).max(MAX_USER_ID_LENGTH).optional(),
  createdFrom: time.optional(),
  createdBefore: time.optional(),
  /** A part of the task's id. By itself a part is looked for in all tasks: name a time, too, where there are very many. */
  id: z.string().min(1).max(100).optional(),
}

export interface TaskFilter extends Partial<Omit<z.output<z.ZodObject<typeof taskFilterFields>>, 'integration'>> {
  /** Any of these. */
  statuses?: readonly TaskStatus[]
}

export interface FoundTask extends StoredTask {
  namespace: string
  userId: string | null
}

/** `after` a place are older tasks, `before` it newer ones. */
export type Page = { limit: number } & Partial<Record<'after' | 'before', Place | undefined>>

/** One page of the tasks of several integrations, the newest first. */
export async function searchTasks(operated: OperatedTasks[], filter: TaskFilter, page: Page): Promise<FoundTask[]> {
  const found: FoundTask[] = []
  // One after another: a list takes one connection at most.
  for (const tasks of operated) found.push(...(await searchOne(tasks, filter, page)))
  found.sort(inListOrder)
  return page.before ? found.slice(-page.limit) : found.slice(0, page.limit)
}

async function searchOne(tasks: OperatedTasks, filter: TaskFilter, page: Page): Promise<FoundTask[]> {
  const { namespace, store } = tasks
  const values: unknown[] = [page.limit]
  const sql = ordered(tasks, store.columns([...STORED_FIELDS, 'userId']), filter, page, values)
  const rows = await store.read('search', () => store.query<FoundTask>(sql, values))
  const found = rows.map((row) => ({ ...row, id: String(row.id), namespace }))
  return page.before ? found.reverse() : found
}

/** What is as long as an id can be no part of another: then its index is read. */
function isWholeId(id: string): boolean {
  return id.length === 22
}

/** How many there are of one integration, up to `MOST_COUNTED`. */
export async function countTasks(tasks: OperatedTasks, filter: TaskFilter): Promise<number> {
  const { store } = tasks
  const values: unknown[] = [MOST_COUNTED]
  const sql = `SELECT count(*)::int AS count FROM (${ordered(tasks, '1', filter, {}, values)}) AS found`
  const [row] = await store.read('count', () => store.query<{ count: number }>(sql, values))
  return row?.count ?? 0
}

/** @param values of the statement so far; the first is its limit */
function ordered(
  { namespace, store }: OperatedTasks,
  selected: string,
  filter: TaskFilter,
  { after, before }: Omit<Page, 'limit'>,
  values: unknown[],
): string {
  const { table, column } = store.calls
  const value = (of: unknown) => `$${values.push(of)}`
  const [createdAt, taskKey] = [column('createdAt'), column('taskKey')]
  const place = (than: '<' | '>', at: Place | undefined) =>
    at && beyond(namespace, { createdAt, taskKey }, than, at, value)
  const conditions = [
    filter.user && `${column('userId')} = ${value(filter.user)}`,
    // Both conditions of its index.
    filter.code && `${errorCode(column)} = ${value(filter.code)} AND ${column('error')} IS NOT NULL`,
    filter.createdFrom !== undefined && `${createdAt} >= ${value(filter.createdFrom)}::float8`,
    filter.createdBefore !== undefined && `${createdAt} < ${value(filter.createdBefore)}::float8`,
    filter.id &&
      (isWholeId(filter.id) ? `${taskKey} = ${value(filter.id)}` : `strpos(${taskKey}, ${value(filter.id)}) > 0`),
    place('<', after),
    place('>', before),
  ].filter((condition) => typeof condition === 'string')
  const direction = before ? 'ASC' : 'DESC'
  const order = `ORDER BY ${createdAt} ${direction}, ${taskKey} ${direction} LIMIT $1`
  const hasOwnOrder = filter.user !== undefined || filter.code !== undefined
  const statuses = filter.status ? [filter.status] : (filter.statuses ?? TASK_STATUSES)
  // In one part, or in one for each status, as the index has it.
  const parts = hasOwnOrder ? [statuses] : statuses.map((status) => [status])
  const found = parts.map((part) => {
    const isOne = `${column('status')} IN (${part.map((status) => `'${status}'`).join(', ')})`
    const where = [isOne, ...conditions].join(' AND ')
    return `(SELECT ${selected}, ${createdAt}, ${taskKey} FROM ${table} WHERE ${where} ${order})`
  })
  return `SELECT * FROM (${found.join(' UNION ALL ')}) AS merged ${order}`
}
