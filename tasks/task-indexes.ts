import { CREATE_ANSWER_LOST } from '../protocol/names.js'
import { claimIdOf, isClaim } from './claim-batch.js'
import { classesOf, inFlight, inOrder, isLetThrough, isOpen, isToBeRetried } from './claimable.js'
import { userKey } from './claimable-per-user.js'
import { createIndex, databaseOf, type PhysicalEntity, physicalEntity } from './database/sql.js'
import { endedAt, hasEnded } from './ended-tasks.js'
import type { TaskReader } from './task-reader.js'

/**
 * Makes the indexes that interaqt cannot declare, and drops those of earlier versions. Idempotent, also across
 * processes.
 */
export async function createTaskIndexes(tasks: TaskReader, sourceRelation?: string): Promise<void> {
  const { controller, names, calls, events } = tasks
  const { table, column } = calls
  const [status, claimableAt, unchecked] = [column('status'), column('claimableAt'), column('uncheckedSince')]
  const newest = `${column('createdAt')} DESC, ${column('taskKey')} DESC`
  const order = inOrder({ id: column('id'), priority: column('priority'), createdAt: column('createdAt') })
  const { ready, timed, claimed } = classesOf({ status, claimableAt })
  const ofCalls: Array<[name: string, keys: string, where?: string]> = [
    ['ready_in_order', order, ready],
    ['timed', claimableAt, timed],
    ['timed_in_order', `${order}, ${claimableAt}`, timed],
    ['ready_of_user', `${userKey(column('userId'))}, ${order}`, ready],
    ['timed_of_user', `${userKey(column('userId'))}, ${claimableAt}`, timed],
    ['claimed', claimableAt, claimed],
    ['in_flight', status, inFlight(status)],
    ['to_retry', status, isToBeRetried(calls)],
    ['let_through', order, `${status} <> 'queued' AND ${claimableAt} IS NOT NULL AND ${isLetThrough(column('state'))}`],
    ['by_key', column('taskKey')],
    ['of_user', `${column('userId')}, ${newest}`],
    ['open', column('userId'), isOpen(calls)],
    ['by_status', `${status}, ${newest}`],
    ['by_code', `${errorCode(column)}, ${newest}`, `${column('error')} IS NOT NULL`],
    ['unchecked', unchecked, `${unchecked} IS NOT NULL`],
    ['webhook_due', column('webhookDueAt'), `${column('webhookDueAt')} IS NOT NULL`],
    ['ended', `${status}, (${endedAt(calls)})`, hasEnded(calls)],
  ]
  for (const [name, keys, where] of ofCalls) {
    await createIndex(controller, { name: `${names.apiCall}_${name}`, table, keys, where })
  }
  const ofEvents = { name: `${names.integrationEvent}_of_call`, table: events.table, keys: events.column('apiCallId') }
  await createIndex(controller, ofEvents)
  const claimId = claimIdOf(events.column)
  await createIndex(controller, {
    name: `${names.integrationEvent}_of_claim`,
    table: events.table,
    keys: `(${claimId})`,
    where: `${isClaim(events.column)} AND ${claimId} IS NOT NULL`,
  })
  const [type, at] = [events.column('eventType'), events.column('at')]
  const ends = { name: `${names.integrationEvent}_of_end`, keys: `${type}, ${at}`, where: isEnd(events.column) }
  const takeOvers = { name: `${names.integrationEvent}_of_take_over`, keys: at, where: isTakeOver(events.column) }
  const lost = { name: `${names.integrationEvent}_of_lost_answer`, keys: at, where: isLostAnswer(events.column) }
  for (const index of [ends, takeOvers, lost]) await createIndex(controller, { ...index, table: events.table })
  if (sourceRelation !== undefined) {
    const link = physicalEntity(controller, sourceRelation)
    const ofSource = { name: `${names.apiCall}_of_source`, table: link.table, keys: link.column('target') }
    await createIndex(controller, ofSource)
  }
  for (const name of ['claimable', 'ready', 'timed_oldest']) {
    await databaseOf(controller).scheme(`DROP INDEX IF EXISTS "${names.apiCall}_${name}"`)
  }
}

/** The code of a task's last failure, as SQL. */
export function errorCode(column: PhysicalEntity['column']): string {
  return `(${column('error')} ->> 'code')`
}

/** The conditions for events that end an attempt or a task, for take-overs and for lost answers, as SQL: each has its index. */
export function isEnd(column: PhysicalEntity['column']): string {
  return `${column('eventType')} IN ('completed', 'failed', 'cancelled')`
}

export function isTakeOver(column: PhysicalEntity['column']): string {
  return `${column('eventType')} = 'queued' AND (${column('data')} ->> 'takeOver') = 'true'`
}

/** That an attempt failed, and that nobody knows whether the provider has made something for it. */
export function isLostAnswer(column: PhysicalEntity['column']): string {
  const data = column('data')
  return (
    `${column('eventType')} = 'failed' AND (${data} -> 'error' ->> 'code') = '${CREATE_ANSWER_LOST}'` +
    ` AND NOT ((${data} ->> 'retryable') = 'true' AND (${data} ->> 'providerEnded') = 'true')`
  )
}
