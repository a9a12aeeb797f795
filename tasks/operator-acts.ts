/** The record of what operators did: who, when, why, and what came of it. It is only ever appended to. */
import type { Controller, EntityInstance } from 'interaqt'
import { z } from 'zod'
import type { APIContext } from '../lib/api.js'
import { createIndex, databaseOf, databaseTime, physicalEntity, reading } from './database/sql.js'
import { addOnce, number, object, text } from './model.js'

const OPERATOR_ACTS = 'OperatorAct'

/** An act, as it is recorded. */
export const operatorActSchema = z.object({
  /** Whose credentials were used: a user's id, or `operator` for a token. */
  who: z.string(),
  /** The name that the request gave. */
  by: z.string().nullable(),
  why: z.string().nullable(),
  /** The API's name, such as `cancelTask`. */
  act: z.string(),
  /** The integration's namespace. */
  integration: z.string(),
  /** The task's public id, of an act on one. */
  task: z.string().nullable(),
  /** Which tasks were meant, of an act on many. */
  filter: z.record(z.string(), z.unknown()).nullable(),
  /** What came of it: a status, counts, the new limits, or the reason of a refusal. */
  outcome: z.record(z.string(), z.unknown()),
})

export type OperatorAct = z.infer<typeof operatorActSchema>
/** An act with its place in the record, and its time in unix seconds. */
export type RecordedAct = OperatorAct & { id: string; at: number }

const FIELDS = Object.keys(operatorActSchema.shape) as Array<keyof OperatorAct>

/** Adds the entity to the application's model, once. */
export function addOperatorActs(entities: EntityInstance[]): void {
  const texts = ['who', 'by', 'why', 'act', 'integration', 'task'].map(text)
  addOnce(entities, OPERATOR_ACTS, () => ({
    properties: [number('at'), ...texts, ...['filter', 'outcome'].map(object)],
  }))
}

/** Makes its index, once for all integrations. Idempotent. */
export async function prepareOperatorActs(controller: Controller): Promise<void> {
  const { table, column } = physicalEntity(controller, OPERATOR_ACTS)
  const keys = `${column('integration')}, ${column('id')}`
  await createIndex(controller, { name: `${OPERATOR_ACTS}_of_integration`, table, keys })
}

/** Whose credentials a request to an operators' API came with. */
export function whoActs({ user }: APIContext): string {
  return user?.id ?? 'operator'
}

/** Records an act. Call it in the transaction that carries the act out: there is neither without the other. */
export async function recordAct(
  controller: Controller,
  act: Pick<OperatorAct, 'who' | 'act' | 'integration' | 'outcome'> & Partial<OperatorAct>,
): Promise<void> {
  const given = Object.fromEntries(Object.entries(act).filter(([, value]) => value !== null && value !== undefined))
  await controller.system.storage.create(OPERATOR_ACTS, { ...given, at: await databaseTime(controller) })
}

/**
 * An integration's recorded acts, the newest first.
 *
 * @param before keyset pagination: the `id` of the previous page's last act
 */
export async function recordedActs(
  controller: Controller,
  integration: string,
  limit: number,
  before?: string,
): Promise<RecordedAct[]> {
  const { table, column, parseId } = physicalEntity(controller, OPERATOR_ACTS)
  const place = before === undefined ? undefined : parseId(before)
  if (place === null) return []
  const selected = ['id', 'at', ...FIELDS].map((name) => `${column(name)} AS "${name}"`).join(', ')
  const sql =
    `SELECT ${selected} FROM ${table} WHERE ${column('integration')} = $2` +
    `${place === undefined ? '' : ` AND ${column('id')} < $3`} ORDER BY ${column('id')} DESC LIMIT $1`
  const values = [limit, integration, ...(place === undefined ? [] : [place])]
  const rows = await reading(controller, `${OPERATOR_ACTS}:list`, () =>
    databaseOf(controller).query<RecordedAct>(sql, values),
  )
  return rows.map((row) => ({ ...row, id: String(row.id) }))
}
