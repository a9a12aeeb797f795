/** Does to a task of a real main what happened to the model's, and holds the two side by side. */
import { randomUUID } from 'node:crypto'
import { expect } from 'vitest'
import type { TaskRequest } from '@/protocol/index.js'
import type { Answer } from '../support/main.js'
import { answeredAs, storedAs, withTokens } from './comparison.js'
import type { Race } from './races.js'
import type { RealMain } from './real-main.js'
import type { Step } from './servers.js'

/**
 * One thing after another: each time main has to answer as the model did, and to store the same. Then the race,
 * if there is one: main may take either request first, and has to do as the model does in that order.
 */
export async function replay(real: RealMain, history: Step[], race?: Race): Promise<void> {
  const told: string[] = []
  try {
    const task = await Replayed.plant(real)
    for (const step of history) {
      told.push(`${step.now}: ${step.kind === 'request' ? JSON.stringify(step.request) : step.kind}`)
      await task.repeat(step)
    }
    if (!race) return
    told.push(`${race.now}: at once ${JSON.stringify(race.requests)}`)
    await task.run(race)
  } catch (cause) {
    throw new Error(`${(cause as Error).message}\n  ${told.join('\n  ')}`, { cause })
  }
}

/** A task of the real main, which makes tokens of its own: each has the name that the model's has in its place. */
class Replayed {
  readonly #names = new Map<string, string>()
  readonly #story = randomUUID()

  private constructor(
    private readonly real: RealMain,
    private readonly id: string,
  ) {}

  static async plant(real: RealMain): Promise<Replayed> {
    const id = await real.plantTask()
    await real.backup(id)
    return new Replayed(real, id)
  }

  async repeat(step: Step): Promise<void> {
    await this.real.setClock(step.now)
    if (step.kind === 'claim') {
      const answer = await this.real.claimTasks(this.#claimId(step.claimId), step.limit)
      const { claim, claimed, suspect } = step.answer
      expect(withTokens(answer, () => '')).toEqual(
        withTokens({ claims: claim ? [claim] : [], claimed, suspects: suspect ? [this.id] : [] }, () => ''),
      )
    } else if (step.kind !== 'request') await this.real[step.kind](this.id)
    else expect(await this.#ask(step.request)).toEqual(answeredAs(step.answer, step.state))

    const stored = await this.real.read(this.id)
    this.#learn(stored.state.fencingToken, step.state.fencingToken)
    const named = withTokens(stored, (token) => this.#names.get(token) ?? token, this.#claimId(''))
    expect(named).toEqual(storedAs(step.state, step.events))
  }

  async run({ now, requests, outcomes }: Race): Promise<void> {
    await this.real.setClock(now)
    const answers = await Promise.all(requests.map((request) => this.#ask(request)))
    const outcome = withTokens({ answers, stored: await this.real.read(this.id) }, () => '', this.#claimId(''))
    expect(outcomes).toContainEqual(outcome)
  }

  /** Another for each story. */
  #claimId(name: string): string {
    return `${this.#story}-${name}`
  }

  #ask(request: TaskRequest): Promise<Answer> {
    const known = 'fencingToken' in request && [...this.#names].find(([, name]) => name === request.fencingToken)
    return this.real.ask(this.id, known ? { ...request, fencingToken: known[0] } : request)
  }

  /** Where only one side has changed its token, the new one is given no name, and so differs. */
  #learn(token: string | null, name: string | null): void {
    if (token === null || name === null) return
    const isNew = !this.#names.has(token) && ![...this.#names.values()].includes(name)
    if (isNew) this.#names.set(token, name)
  }
}
