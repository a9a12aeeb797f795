import {
  DEFAULT_TASK_POLICY,
  type Decision,
  decide,
  evolve,
  initialTaskState,
  type TaskEvent,
  type TaskPolicy,
  type TaskRequest,
  type TaskState,
} from '../protocol/index.js'

/** A task as main has it, with the protocol's own rules and no database: what every main in memory is made of. */
export class TaskInMemory {
  state: TaskState = initialTaskState(DEFAULT_TASK_POLICY.maxAttempts)
  events: readonly TaskEvent[] = []
  #tokens = 0

  constructor(
    public taskKey: string,
    private readonly policy: Readonly<TaskPolicy> = DEFAULT_TASK_POLICY,
  ) {}

  /**
   * @param asRead the row that the decision goes by, where it is another than the locked one
   * @param batch the claimId, where a batch is claimed
   */
  carryOut(
    request: TaskRequest,
    now: number,
    random = 0,
    asRead = this.state,
    batch: { claimId?: string } = {},
  ): Decision {
    const newToken = `${this.taskKey}-token-${++this.#tokens}`
    const context = { taskKey: this.taskKey, now, newToken, random, policy: this.policy, ...batch }
    const decision = decide(asRead, request, context)
    this.events = [...this.events, ...decision.events]
    this.state = decision.events.reduce(evolve, this.state)
    return decision
  }
}
