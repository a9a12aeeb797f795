/** Notices between main processes, by PostgreSQL's LISTEN and NOTIFY over one connection of each. */
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { followingSignal, pause } from '../lib/abort.js'
import { type Backoff, backoff, UPPER_HALF } from '../lib/backoff.js'
import type { Notices } from '../tasks/database/notices.js'

const CHANNEL = 'async_task'
/** As the server’s list of connections shows it. */
const APPLICATION_NAME = 'async-task notices'
const RETRIES: Backoff = { first: 100, max: 5_000, jitter: UPPER_HALF }
/** A server that vanished silently tells nothing, like one that has nothing to tell. */
const CHECK_EVERY_MS = 10_000
/** What is told meanwhile goes with the next notice. */
const BETWEEN_NOTICES_MS = 20
/** How long the end of a connection may take. */
const END_MS = 1_000
/** Beyond these, what is told about single tasks is left to the others' looks. */
const MOST_UNTOLD = 1_000

type Heard = (detail?: string) => void

export class PostgresNotices implements Notices {
  readonly #heard = new Map<string, Heard[]>()
  /** Payloads. What could not be told is told once there is a connection. */
  readonly #untold = new Set<string>()
  readonly #stopping = new AbortController()
  #client: pg.Client | undefined
  #running: Promise<void> | undefined
  #telling: Promise<void> | undefined

  constructor(private readonly config: pg.ClientConfig) {}

  get hears(): boolean {
    return this.#client !== undefined
  }

  on(topic: string, heard: Heard): void {
    this.#heard.set(topic, [...(this.#heard.get(topic) ?? []), heard])
  }

  tell(topic: string, detail?: string): void {
    if (this.#running === undefined || (detail !== undefined && this.#untold.size >= MOST_UNTOLD)) return
    this.#untold.add(detail === undefined ? topic : `${topic}:${detail}`)
    this.#tellSoon()
  }

  start(): void {
    this.#running ??= this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    for (let failures = 0; !signal.aborted; failures += 1) {
      const client = new pg.Client({ ...this.config, application_name: APPLICATION_NAME })
      const { controller: ended, release } = followingSignal(signal)
      client.on('error', () => ended.abort())
      client.on('end', () => ended.abort())
      client.on('notification', ({ processId, payload = '' }) => {
        if (processId !== own(client)) this.#hear(payload)
      })
      try {
        await client.connect()
        await client.query(`LISTEN ${CHANNEL}`)
        failures = 0
        this.#client = client
        this.#missed()
        this.#tellSoon()
        while (!ended.signal.aborted) {
          await pause(CHECK_EVERY_MS, ended.signal)
          if (!ended.signal.aborted) await client.query('SELECT 1')
        }
      } catch {
        // Until it is back, whoever waits looks each second.
      }
      release()
      await this.#end(client)
      await pause(backoff(RETRIES, failures + 1), signal)
    }
  }

  async #end(client: pg.Client): Promise<void> {
    const isStopping = this.#stopping.signal.aborted
    if (isStopping) await soon(this.#telling)
    const heard = this.hears
    this.#client = undefined
    if (heard && !isStopping) this.#missed()
    await soon(client.end().catch(() => {}))
  }

  #hear(payload: string): void {
    const [topic = '', detail] = payload.split(':')
    for (const heard of this.#heard.get(topic) ?? []) heard(detail)
  }

  #missed(): void {
    for (const heard of [...this.#heard.values()].flat()) heard()
  }

  #tellSoon(): void {
    this.#telling ??= this.#tellAll().finally(() => {
      this.#telling = undefined
    })
  }

  async #tellAll(): Promise<void> {
    for (let client = this.#client; client && this.#untold.size > 0; client = this.#client) {
      const payloads = [...this.#untold]
      this.#untold.clear()
      try {
        await client.query('SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload', [CHANNEL, payloads])
      } catch {
        for (const payload of payloads) this.#untold.add(payload)
        await client.end().catch(() => {})
      }
      await pause(BETWEEN_NOTICES_MS, this.#stopping.signal)
    }
  }
}

async function soon(work: Promise<void> | undefined): Promise<void> {
  await Promise.race([work, delay(END_MS, undefined, { ref: false })])
}

/** The server's process of a connection; @types/pg leaves it out. */
function own(client: pg.Client): number | undefined {
  return (client as { processID?: number }).processID
}
