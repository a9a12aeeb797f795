/** Claims many tasks in one transaction. Each claim is decided by the protocol, as one that comes alone is. */
import { randomBytes } from 'node:crypto'
import { type Acceptance, type Decision, decide, isLive, type NoPlace, type TaskState } from '../protocol/index.js'
import { MAX_BATCH_BYTES } from '../protocol/limits.js'
import type { ClaimedTask, ClaimTasks, PendingTask } from '../protocol/wire.js'
import { placesOfUser } from './budgets.js'
import { traceOfClaim } from './claim-spans.js'
import { countInFlight, inOrder, lockClaimable, secondsUntilNextDue, selectClaimable, suspects } from './claimable.js'
import { idsWithinUsersLimits, type UsersLimits } from './claimable-per-user.js'
import { CLOCK, type PhysicalEntity } from './database/sql.js'
import type { EventLog } from './event-log.js'
import { controlLock, readControl, rulesInForce, shareControl } from './integration-control.js'
import type { NextDue } from './task-arrivals.js'
import { freePlaces, isUnlimited, type TaskRules, withinBudgets } from './task-limits.js'
import type { LockedTask, TaskReader } from './task-reader.js'
import type { StoredStep } from './transition-log.js'

export type BatchToClaim = Pick<ClaimTasks, 'claimId' | 'limit'>

export interface ClaimedBatch {
  tasks: ClaimedTask[]
  /** Whether the id has claimed, now or earlier. */
  claimed: boolean
  suspects: PendingTask[]
  /** Whether as many were found as were asked for, or as fit into one answer. */
  isFull: boolean
  /** What has been appended: claims, and the ends of poisonous tasks. */
  moved: Array<{ row: LockedTask; steps: StoredStep[] }>
}

interface Candidate extends LockedTask {
  requestParams: unknown
  /** The database's time, after the row was locked. */
  now: number
}

interface Read extends Candidate {
  suspect: boolean
  /** Of its parameters, as JSON. */
  bytes: number
  /** Of those that come before it. */
  before: number | string
}

export const SELECTED = [
  'id',
  'taskKey',
  'state',
  'priority',
  'createdAt',
  'requestParams',
  'userId',
  'webhook',
  'traceparent',
]
const MOST_SUSPECTS = 10
const ANY_NUMBER = { free: Number.POSITIVE_INFINITY, affordable: Number.POSITIVE_INFINITY }

/** The same id, sent again while its first request is under way, waits for what that claims. */
export function lockOfClaim(parameter: '$1', how: 'wait' | 'try'): string {
  return `pg_${how === 'try' ? 'try_' : ''}advisory_xact_lock(hashtextextended(${parameter}, 0))`
}

/** Call it in a transaction. */
export async function claimBatch(
  tasks: TaskReader,
  configured: TaskRules,
  log: EventLog,
  { claimId, limit }: BatchToClaim,
): Promise<ClaimedBatch> {
  // Each statement sees what was committed when the one before it was over, so they may be sent together.
  const locks = `SELECT ${lockOfClaim('$1', 'wait')}, ${shareControl('$2', 'wait')}`
  const [, earlier, control, expected] = await Promise.all([
    tasks.query(locks, [`claim:${claimId}`, controlLock(tasks)]),
    claimedUnder(tasks, configured, claimId),
    readControl(tasks),
    // What may be claimed, unless operators have set limits.
    limit > 0 && isUnlimited(configured) ? lockCandidates(tasks, configured, limit, ANY_NUMBER) : undefined,
  ])
  const nothing = { tasks: [], suspects: [], isFull: false, moved: [] }
  if (earlier) return { ...nothing, tasks: earlier, claimed: true }
  if (limit === 0) return { ...nothing, claimed: false }

  const rules = rulesInForce(configured, control)
  const { policy } = rules
  const places = await freePlaces(tasks, rules)
  const asExpected = expected && isUnlimited(rules)
  const { candidates, isFull, suspects } = asExpected ? expected : await lockCandidates(tasks, rules, limit, places)
  const within = await withinBudgets(tasks, rules, candidates)
  const decided = candidates.map((row, index) => {
    const joins = !isLive(row.state)
    const noPlace = joins ? places.whyNone(row.userId, within[index]) : undefined
    const { events, answer } = decideClaim(row, { policy, claimId, noPlace }, index)
    if (joins && answer.ok) places.take(row.userId)
    return { row, events, answer, at: row.now }
  })
  const moving = decided.filter(({ events }) => events.length > 0)
  const steps = await log.append(moving)
  const after = new Map(moving.map(({ row }, index) => [row, steps[index]?.at(-1)?.after ?? row.state]))
  const claimed = decided.flatMap(({ row, answer }) => claimedTask(row, after.get(row) ?? row.state, answer))
  return {
    tasks: claimed,
    claimed: claimed.length > 0,
    suspects: suspects.map((row) => pendingTask(row, row.state)),
    isFull,
    moved: moving.map(({ row }, index) => ({ row, steps: steps[index] ?? [] })),
  }
}

/** Decides on the claim of one task of a batch; its token tells its place. */
export function decideClaim(
  { taskKey, state, now }: Pick<Candidate, 'taskKey' | 'state' | 'now'>,
  { policy, claimId, noPlace }: Pick<TaskRules, 'policy'> & { claimId: string; noPlace?: NoPlace | undefined },
  place: number,
): Decision {
  const chance = { newToken: randomBytes(16).toString('base64url'), random: Math.random() }
  const request = { from: 'processor', status: 'queued', fencingToken: `${claimId}.${place}` } as const
  return decide(state, request, { ...chance, policy, taskKey, now, claimId, noPlace })
}

/** What was claimed under this id and has not moved since; undefined if nothing ever was. */
async function claimedUnder(
  tasks: TaskReader,
  { policy }: TaskRules,
  claimId: string,
): Promise<ClaimedTask[] | undefined> {
  const { calls } = tasks
  const claims = await claimsUnder(tasks, claimId)
  if (claims.length === 0) return undefined
  const ids = claims.map(({ apiCallId }) => calls.parseId(apiCallId))
  const rows = await tasks.query<Candidate>(
    `SELECT ${tasks.columns(SELECTED)}, ${CLOCK} AS "now" FROM ${calls.table}` +
      ` WHERE ${calls.column('id')} = ANY($1) ORDER BY ${inOrder(columnsOf(tasks))}`,
    [ids],
  )
  return rows.flatMap((row) => {
    const { state, taskKey, now } = row
    if (state.status !== 'queued' || !state.fencingToken?.startsWith(`${claimId}.`)) return []
    // The same claim again.
    const request = { from: 'processor', status: 'queued', fencingToken: state.fencingToken } as const
    const { answer } = decide(state, request, { taskKey, now, newToken: '', random: 0, policy })
    return claimedTask(row, state, answer)
  })
}

/** Whether tasks have been claimed under this id. Call it in a transaction. */
export async function hasClaimed(tasks: TaskReader, claimId: string): Promise<boolean> {
  const lock = tasks.query(`SELECT ${lockOfClaim('$1', 'wait')}`, [`claim:${claimId}`])
  const [, claims] = await Promise.all([lock, claimsUnder(tasks, claimId)])
  return claims.length > 0
}

function claimsUnder(tasks: TaskReader, claimId: string): Promise<Array<{ apiCallId: string }>> {
  return tasks.query(`SELECT ${tasks.events.column('apiCallId')} AS "apiCallId" ${fromClaims(tasks, '$1')}`, [claimId])
}

/** From the events that have claimed under an id, as SQL. */
export function fromClaims({ events: { table, column } }: TaskReader, claimId: string): string {
  return `FROM ${table} WHERE ${isClaim(column)} AND ${claimIdOf(column)} = ${claimId}`
}

/** The condition for events that claim, and the id of their batch, as SQL: an index serves a query that has both. */
export function isClaim(column: PhysicalEntity['column']): string {
  return `${column('eventType')} = 'queued'`
}

export function claimIdOf(column: PhysicalEntity['column']): string {
  return `(${column('data')} ->> 'claimId')`
}

/** Locks what may be claimed, and reads the due suspects. */
async function lockCandidates(
  tasks: TaskReader,
  rules: TaskRules,
  limit: number,
  { free, affordable }: { free: number; affordable: number },
): Promise<{ candidates: Candidate[]; isFull: boolean; suspects: Candidate[] }> {
  const { suspectAfterTakeOvers, prices } = rules.policy
  const joining = Math.max(0, Math.min(limit, free, affordable))
  const users = { perUser: rules.maxTasksInFlightPerUser, affordable: placesOfUser(tasks, rules, prices) }
  const chosen = joining === 0 ? undefined : chosenOf(tasks, { limit: joining, ...users })
  const budgeted = rules.budget !== undefined || rules.budgetPerUser !== undefined
  const letThrough = budgeted ? Math.max(0, Math.min(limit, free)) : undefined
  const limits = { limit, joining, suspectAfterTakeOvers: '$1', chosen, letThrough }
  const { table } = tasks.calls
  const [columns, selected] = [columnsOf(tasks), tasks.columns(SELECTED)]
  const suspect = `SELECT ${selected}, ${CLOCK} AS "now", 0, 0, TRUE FROM ${table} WHERE ${suspects(columns, limits.suspectAfterTakeOvers)}`
  const locked = `SELECT *, octet_length("requestParams"::text) AS bytes FROM (${lockClaimable(table, columns, limits, selected)}) AS locked`
  const summed = `SELECT *, sum(bytes) OVER (ROWS UNBOUNDED PRECEDING) - bytes AS before FROM (${locked}) AS measured`
  const sql =
    `SELECT *, FALSE AS suspect FROM (${summed}) AS candidate WHERE before < ${MAX_BATCH_BYTES}` +
    ` UNION ALL (${suspect} LIMIT ${MOST_SUSPECTS})`
  const rows = (await tasks.query<Read>(sql, [suspectAfterTakeOvers])).map((row) => ({ ...row, id: String(row.id) }))
  const candidates = rows.filter(({ suspect }) => !suspect)
  const last = candidates.at(-1)
  const isFull =
    candidates.length === limit || (last !== undefined && Number(last.before) + last.bytes >= MAX_BATCH_BYTES)
  return { candidates, isFull, suspects: rows.filter(({ suspect }) => suspect) }
}

/** Undefined if nothing limits users. */
function chosenOf(tasks: TaskReader, limits: UsersLimits): string | undefined {
  if (limits.perUser === undefined && !limits.affordable) return undefined
  return idsWithinUsersLimits(tasks.calls.table, columnsOf(tasks), limits)
}

export async function isAnyDue(
  tasks: TaskReader,
  { maxTasksInFlight, maxTasksInFlightPerUser: perUser, budgets }: TaskRules,
): Promise<NextDue> {
  const { table } = tasks.calls
  const columns = columnsOf(tasks)
  const hasPlace = `($1::int IS NULL OR ${countInFlight(table, columns.status)} < $1::int)`
  const mayJoin = budgets && budgets.free <= 0 ? 'FALSE' : hasPlace
  const chosen = chosenOf(tasks, { limit: 1, perUser, affordable: budgets?.ofUser, mayJoin })
  const letThrough = budgets && { state: columns.state, mayJoin: hasPlace }
  const sql =
    `SELECT EXISTS (${selectClaimable(table, columns, 1, { mayJoin, chosen, letThrough })}) AS due,` +
    ` ${secondsUntilNextDue(table, columns)} AS seconds`
  const [row] = await tasks.read('next-due', () => tasks.query<NextDue>(sql, [maxTasksInFlight ?? null]))
  return row ?? { due: false, seconds: null }
}

function columnsOf({ calls: { column } }: TaskReader) {
  return {
    id: column('id'),
    status: column('status'),
    priority: column('priority'),
    createdAt: column('createdAt'),
    claimableAt: column('claimableAt'),
    userId: column('userId'),
    state: column('state'),
  }
}

export function claimedTask(row: Candidate, state: TaskState, answer: Decision['answer']): ClaimedTask[] {
  const claim: Acceptance['claim'] = answer.ok ? answer.claim : undefined
  return claim ? [{ ...pendingTask(row, state), ...claim, ...traceOfClaim(row, state) }] : []
}

function pendingTask({ id, taskKey, createdAt, requestParams }: Candidate, state: TaskState): PendingTask {
  const { status, attempts, startedAt } = state
  return { id: String(id), taskKey, status, attempts, startedAt, createdAt, requestParams }
}
