import type { Mutant } from './mutant.js'

const CLAIM_BATCH = 'tasks/claim-batch.ts'
const BATCH_CLAIMS = 'async-task-component/batch-claims.ts'
const CLAIMING = ['tests/tasks/claim-tasks.test.ts']
const ARRIVALS = ['tests/tasks/arrivals.test.ts', 'tests/tasks/task-arrivals.test.ts']
const HAND_OVER = 'tasks/hand-over.ts'
const HANDING_OVER = ['tests/tasks/hand-over.test.ts']
const ASKING = ['tests/async-task-component/batch-claims.test.ts']

/** Fetching and claiming in one request: what a claimId is good for, on both sides. */
export const BATCHES_RULES: Mutant[] = [
  {
    name: 'claim-id-claims-again',
    file: CLAIM_BATCH,
    from: 'if (earlier) return',
    to: 'if (earlier && limit === 0) return',
    tests: CLAIMING,
  },
  {
    name: 'claim-id-not-locked',
    file: CLAIM_BATCH,
    from: "return `pg_${how === 'try' ? 'try_' : ''}advisory_xact_lock(hashtextextended(${parameter}, 0))`",
    to: "return how === 'try' ? `${parameter} <> ''` : `length(${parameter})`",
    tests: CLAIMING,
  },
  {
    name: 'sent-again-and-parked',
    file: 'tasks/apis/claim-tasks.ts',
    from: '!(await store().hasClaimed(batch.claimId))',
    to: 'true',
    tests: CLAIMING,
  },
  {
    name: 'batch-beyond-the-capacity',
    file: CLAIM_BATCH,
    from: 'joins ? places.whyNone(row.userId, within[index]) : undefined',
    to: 'undefined',
    tests: CLAIMING,
  },
  {
    name: 'batch-of-any-size',
    file: CLAIM_BATCH,
    from: ' WHERE before < ${MAX_BATCH_BYTES}',
    to: '',
    tests: CLAIMING,
  },
  {
    name: 'new-tasks-written-thrice',
    file: 'tasks/entities.ts',
    from: "return isWhole && given.status === 'pending' ? ComputationResult.skip() : newTaskState(given, maxAttempts)",
    to: 'return newTaskState(given, maxAttempts)',
    tests: ['tests/tasks/statements.test.ts'],
  },
  {
    name: 'batch-not-locked',
    file: 'tasks/claimable.ts',
    from: ' FOR UPDATE SKIP LOCKED)`',
    to: ')`',
    tests: CLAIMING,
  },
  {
    name: 'priority-not-heeded',
    file: 'tasks/claimable.ts',
    from: '(coalesce(${priority}, 0)) DESC, ',
    to: '',
    tests: ['tests/tasks/priority.full.test.ts'],
  },
  {
    name: 'priority-sorted-for',
    file: 'tasks/task-indexes.ts',
    from: "['ready_in_order', order, ready]",
    to: "['ready_in_order', column('createdAt'), ready]",
    tests: ['tests/tasks/priority.full.test.ts'],
  },
  {
    name: 'suspects-hide-others',
    file: 'tasks/claimable.ts',
    from: '${claimed} AND ${due} AND ${mayClaim}',
    to: '${claimed} AND ${due} AND (${mayClaim} OR TRUE)',
    tests: CLAIMING,
  },
  {
    name: 'claimed-for-a-claimer-that-has-gone',
    file: 'tasks/task-store.ts',
    from: '      signal.throwIfAborted()\n      return',
    to: '      return',
    tests: CLAIMING,
  },
  {
    name: 'all-woken-for-one-task',
    file: 'tasks/arrivals.ts',
    from: '    first?.wake()',
    to: '    for (const each of this.#claiming) each.wake()',
    tests: ARRIVALS,
  },
  {
    name: 'batch-found-at-the-next-second',
    file: 'tasks/task-arrivals.ts',
    from: 'Math.min(this.lookEveryMs, msUntil(next.seconds))',
    to: 'this.lookEveryMs',
    tests: ARRIVALS,
  },
  {
    name: 'wake-up-lost-with-its-claimer',
    file: 'tasks/arrivals.ts',
    from: '      this.wake()\n      throw error',
    to: '      throw error',
    tests: ARRIVALS,
  },
  {
    name: 'other-processes-not-told',
    file: 'tasks/task-arrivals.ts',
    from: 'if (!isTaken) this.notices.tell(this.topic)',
    to: '',
    tests: ARRIVALS,
  },
  {
    name: 'another-claim-id-each-time',
    file: BATCH_CLAIMS,
    from: '{ claimId: this.#claimId, ...query }',
    to: '{ claimId: randomUUID(), ...query }',
    tests: ASKING,
  },
  {
    name: 'unknown-claims-kept',
    file: BATCH_CLAIMS,
    from: 'if (!this.#unanswered) return',
    to: 'if (this.#unanswered) return',
    tests: ASKING,
  },
  {
    name: 'gates-not-watched',
    file: 'async-task-component/open-gates.ts',
    from: 'if (isClosed) request.abort()',
    to: '',
    tests: ASKING,
  },
  {
    name: 'handed-over-while-something-is-set',
    file: HAND_OVER,
    from: ' AND ${nothingSet(tasks, parameter)} AND`',
    to: ' AND`',
    tests: HANDING_OVER,
  },
  {
    name: 'handed-over-to-an-id-that-has-claimed',
    file: HAND_OVER,
    from: '${fromClaims(tasks, parameter(claimId))}',
    to: '${fromClaims(tasks, parameter(claimId))} AND FALSE',
    tests: HANDING_OVER,
  },
  {
    name: 'handed-over-without-the-locks',
    file: HAND_OVER,
    from: "current_setting('${LOCKED}') = 'true' AND",
    to: "'${LOCKED}' <> 'true' AND",
    tests: HANDING_OVER,
  },
  {
    name: 'handed-over-past-limits',
    file: HAND_OVER,
    from: 'arrivals.anyClaims && isUnlimited(rules)',
    to: 'arrivals.anyClaims',
    tests: HANDING_OVER,
  },
  {
    name: 'handed-over-past-those-who-listen',
    file: HAND_OVER,
    from: ' && !log.listened',
    to: '',
    tests: HANDING_OVER,
  },
  {
    name: 'watchers-not-told-of-a-hand-over',
    file: HAND_OVER,
    from: 'for (const { row } of claimed.moved) this.parts.handed(row.taskKey)',
    to: '',
    tests: HANDING_OVER,
  },
  {
    name: 'reserved-is-woken-too',
    file: 'tasks/arrivals.ts',
    from: '          end()\n          const wake',
    to: '          const wake',
    tests: ARRIVALS,
  },
  {
    name: 'quiet-whatever-is-told',
    file: 'tasks/task-arrivals.ts',
    from: 'this.#quiet.count === this.count ?',
    to: 'this.#quiet.count <= this.count ?',
    tests: ARRIVALS,
  },
  {
    name: 'quiet-beyond-a-lease',
    file: 'tasks/task-store.ts',
    from: 'Math.min(seconds ?? stuckTimeoutSeconds, stuckTimeoutSeconds)',
    to: 'seconds',
    tests: HANDING_OVER,
  },
  {
    name: 'full-queue-believed-for-long',
    file: 'async-task-component/gates.ts',
    from: '(known ? FRESH_MS : maxAgeMs)',
    to: 'maxAgeMs',
    tests: ['tests/async-task-component/gates.test.ts'],
  },
]
