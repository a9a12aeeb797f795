/**
 * Which daemons ask for tasks. Each main keeps in memory who asks it, and writes it to the database, of which all mains
 * read: at once what is new, else at most every ten seconds, of all integrations by one statement. So nothing is written
 * for a request.
 */
import type { Controller } from 'interaqt'
import type { Logger } from 'pino'
import { manyListeners, pause } from '../lib/abort.js'
import type { DaemonIdentity } from '../protocol/daemon-identity.js'
import { type DaemonNote, forgetDaemons, lastAsked, noteDaemons } from './daemon-rows.js'
import { inTransaction } from './database/sql.js'

const WRITE_EVERY_MS = 10_000
/** What is new at the same time is written together. */
const GATHERED_FOR_MS = 100
/** After its last look an asker that waits is known to wait until the next one. */
const PARKED_SECONDS = WRITE_EVERY_MS / 1000 + 5
const FORGOTTEN_AFTER_MS = 3_600_000

/** What this process knows of a daemon. Times are its own, in milliseconds. */
interface Asker extends Omit<DaemonNote, 'seenAgo' | 'askedAgo' | 'parkedFor'> {
  seenAt: number
  askedAt: number | null
  /** Its requests for tasks that are not answered yet. */
  parked: number
  /** Written last: when, and what was new. */
  writtenAt: number
  written: string | null
}

const ofControllers = new WeakMap<Controller, Daemons>()

export function daemonsOf(controller: Controller): Daemons {
  const known = ofControllers.get(controller) ?? new Daemons(controller)
  ofControllers.set(controller, known)
  return known
}

class Daemons {
  readonly #askers = new Map<string, Asker>()
  #wake: (() => void) | undefined

  constructor(private readonly controller: Controller) {}

  /**
   * A daemon asks main.
   *
   * @param forTasks whether for tasks to claim
   * @returns what ends it, once it is answered
   */
  asks(apiCall: string, daemon: DaemonIdentity | undefined, forTasks: boolean): () => void {
    const { name, version, state: said, gone } = daemon ?? { name: '', version: '', state: 'running' as const }
    const state = gone ? 'gone' : said
    const key = JSON.stringify([apiCall, name])
    const now = performance.now()
    const known = this.#askers.get(key)
    const asker: Asker = known ?? {
      ...{ apiCall, name, version, state, seenAt: now, askedAt: null, parked: 0 },
      ...{ writtenAt: Number.NEGATIVE_INFINITY, written: null },
    }
    const asks = forTasks && state === 'running'
    Object.assign(asker, { version, state, seenAt: now, ...(asks && { askedAt: now }) })
    if (asks) asker.parked += 1
    this.#askers.set(key, asker)
    if (dueAt(asker) <= now) this.#wake?.()
    return () => {
      if (asks) asker.parked -= 1
    }
  }

  /** When a daemon last asked for tasks, in unix seconds, give or take ten; null if none did, for long. */
  async lastAsked(apiCall: string): Promise<number | null> {
    const noted = await lastAsked(this.controller, apiCall)
    if (noted !== null) return noted
    // What has just begun here is still to be written.
    const now = performance.now()
    const ago = [...this.#askers.values()].flatMap((asker) =>
      asker.apiCall === apiCall ? (noteOf(asker, now).askedAgo ?? []) : [],
    )
    return ago.length === 0 ? null : Date.now() / 1000 - Math.min(...ago)
  }

  /** Writes down who asks, until `stopping` aborts. */
  async keepWriting({ stopping, logger }: { stopping: AbortSignal; logger: Pick<Logger, 'warn'> }): Promise<void> {
    manyListeners(stopping)
    while (!stopping.aborted) {
      const next = Math.min(...[...this.#askers.values()].map(dueAt), performance.now() + WRITE_EVERY_MS)
      await pause(next - performance.now(), stopping, (wake) => {
        this.#wake = wake
        return () => {
          this.#wake = undefined
        }
      })
      await pause(GATHERED_FOR_MS, stopping)
      if (stopping.aborted) return
      try {
        await this.#write()
      } catch (error) {
        logger.warn({ err: error }, 'which daemons ask could not be noted')
      }
    }
  }

  async #write(): Promise<void> {
    const now = performance.now()
    if (![...this.#askers.values()].some((asker) => dueAt(asker) <= now)) return
    // Those that are due soon, too: from then on all are written at the same time.
    const due = [...this.#askers.values()].filter((asker) => dueAt(asker) <= now + WRITE_EVERY_MS / 2)
    const isNew = due.some(({ written }) => written === null)
    for (const [key, { seenAt, parked }] of this.#askers) {
      if (parked === 0 && now - seenAt > FORGOTTEN_AFTER_MS) this.#askers.delete(key)
    }
    // Also if it fails, so that it is not tried at once.
    for (const asker of due) Object.assign(asker, { writtenAt: now, written: news(asker) })
    await inTransaction(this.controller, 'daemons:write', async () => {
      await noteDaemons(
        this.controller,
        due.map((asker) => noteOf(asker, now)),
      )
      if (isNew) await forgetDaemons(this.controller)
    })
  }
}

/** When it is to be written next, by the clock of `performance.now()`. */
function dueAt(asker: Asker): number {
  const { written, writtenAt, seenAt } = asker
  if (written !== news(asker)) return Number.NEGATIVE_INFINITY
  return seenAt > writtenAt || isParked(asker) ? writtenAt + WRITE_EVERY_MS : Number.POSITIVE_INFINITY
}

/** What is written at once when it changes: that it stops, and that it has begun to ask for tasks. */
function news({ state, askedAt }: Asker): string {
  return `${state} ${askedAt !== null}`
}

/** Whether it waits for tasks: a daemon that stops has broken that off, even if main does not know yet. */
function isParked({ parked, state }: Asker): boolean {
  return parked > 0 && state === 'running'
}

function noteOf(asker: Asker, now: number): DaemonNote {
  const { apiCall, name, version, state, seenAt, askedAt } = asker
  const waits = isParked(asker)
  const ago = (time: number) => (waits ? 0 : (now - time) / 1000)
  return {
    ...{ apiCall, name, version, state },
    seenAgo: ago(seenAt),
    askedAgo: askedAt === null ? null : ago(askedAt),
    parkedFor: waits ? PARKED_SECONDS : state === 'running' ? null : 0,
  }
}
