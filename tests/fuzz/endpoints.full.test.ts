/**
 * Every endpoint of main's OpenAPI document, with input made from its schemas, valid and not, with and without a
 * token. Set FUZZ_SEED to search among other inputs, and FUZZ_SECONDS to search for longer.
 */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databaseOf } from '@/tasks/database/sql.js'
import { callEntityNames } from '@/tasks/entities.js'
import { startTestMain, type TestMain } from '../support/main.js'
import { createDatabase } from '../support/shared.js'
import { events, plantTask, taskKeyOf } from '../support/tasks.js'
import { createDigest } from './digest.js'
import { type Hints, type Mutated, mutatedInput, mutatedParameters, validInput } from './inputs.js'
import { type Operation, readOperations } from './openapi.js'

const SECONDS = Number(process.env.FUZZ_SECONDS ?? 8)
const SEED = Number(process.env.FUZZ_SEED ?? 1)

/**
 * What JSON Schema cannot say: which fields of a video go together, what a prompt may not try to choose, and what makes
 * a URL one.
 */
const BEYOND_JSON_SCHEMA =
  /does not go with|is taken from the draft|is needed, unless|needs a firstFrameUrl|of a draft can only|is not there|has the flag|must be 25 \+ 4n|must be an http\(s\) URL|must not (lead to|contain a user name)|must be the `next` (or `previous` )?of a page|needs at least one field|give either after or before|give this or/

it('what is generated as valid fits each documented schema, and most of what is spoilt does not', async () => {
  const main = await startTestMain()
  try {
    for (const { name, inUrl, input, isValidInput } of readOperations((await main.get('/openapi.json')).body)) {
      const valid = fc.sample(validInput(input, {}), { numRuns: 50, seed: SEED })
      const mutated = inUrl ? mutatedParameters(input, {}) : mutatedInput(input, {})
      const spoilt = fc.sample(mutated, { numRuns: 50, seed: SEED })
      expect({ name, misfits: valid.filter((made) => !isValidInput(made)) }).toEqual({ name, misfits: [] })
      expect(spoilt.filter((made) => !isValidInput(made.input)).length, name).toBeGreaterThan(10)
    }
  } finally {
    await main.stop()
  }
})

describe.each(['PostgreSQL', 'PGLite'])('on %s', (kind) => {
  let main: TestMain
  beforeAll(async () => {
    main = await startTestMain(kind === 'PGLite' ? {} : { databaseUrl: await createDatabase() })
  })
  afterAll(() => main.stop())

  it(
    'no input makes main fail, or do what it refuses, or answer other than documented',
    async () => {
      const hints = await plant(main)
      const operations = readOperations((await main.get('/openapi.json')).body)
      const fuzz = new Fuzz(operations, main, await createDigest(databaseOf(main.component.controller)))
      await fc.assert(
        fc.asyncProperty(request(operations, hints), (sent) => fuzz.check(sent)),
        {
          seed: SEED,
          numRuns: 1_000_000,
          interruptAfterTimeLimit: SECONDS * 1000,
          // Requests change what the next ones find, so a shorter sequence is another one.
          endOnFailure: true,
        },
      )
      process.stdout.write(`fuzz: ${fuzz.requests} requests to main on ${kind}, seed ${SEED}\n`)
      expect(fuzz.succeeded).toBeGreaterThan(0)
      expect(fuzz.refusals).toBeGreaterThan(0)
    },
    (SECONDS + 60) * 1000,
  )
})

interface Sent {
  /** The operation's. */
  name: string
  token: 'right' | 'wrong' | 'none'
  /** The `Idempotency-Key`, of few, where the operation takes one. */
  key: string | null
  /** What is sent, and what was spoilt about it, if anything was. */
  input: unknown
  spoilt: string | null
}

function request(operations: Operation[], hints: Hints): fc.Arbitrary<Sent> {
  const token = fc.oneof(
    { arbitrary: fc.constant('right' as const), weight: 8 },
    fc.constant('wrong' as const),
    fc.constant('none' as const),
  )
  return fc.constantFrom(...operations).chain((operation) => {
    const mutated = operation.inUrl ? mutatedParameters : mutatedInput
    const inputs: fc.Arbitrary<{ input: unknown; spoilt: string | null }> = fc.oneof(
      validInput(operation.input, hints).map((input) => ({ input, spoilt: null })),
      mutated(operation.input, hints).map(({ input, field }: Mutated) => ({ input, spoilt: field })),
    )
    const key = operation.takesKey ? fc.constantFrom(null, 'a', '"b"', '"\\"c\\""') : fc.constant(null)
    return fc.tuple(token, key, inputs).map(([token, key, made]) => ({ name: operation.name, token, key, ...made }))
  })
}

class Fuzz {
  requests = 0
  succeeded = 0
  refusals = 0
  readonly #operations: Map<string, Operation>
  readonly #main: TestMain
  readonly #digest: () => Promise<string>
  #lastDigest: string | null = null

  constructor(operations: Operation[], main: TestMain, digest: () => Promise<string>) {
    this.#operations = new Map(operations.map((operation) => [operation.name, operation]))
    this.#main = main
    this.#digest = digest
  }

  async check(sent: Sent): Promise<void> {
    const { token, input, spoilt } = sent
    const operation = this.#operations.get(sent.name)
    if (!operation) throw new Error(`There is no ${sent.name}`)
    this.requests += 1
    const before = this.#lastDigest ?? (await this.#digest())
    this.#lastDigest = null
    const response = await this.#send(operation, sent)
    if (operation.streams && response.ok) {
      expect(response.headers.get('content-type')).toBe('text/event-stream')
      return response.body?.cancel()
    }
    const text = await response.text()
    const { status } = response
    const told = `${sent.name} answered ${status} ${text.slice(0, 500)}`

    expect(status, told).toBeLessThan(500)
    if (operation.needsToken && token !== 'right') expect(status, told).toBe(401)
    if (response.ok) this.succeeded += 1
    else {
      this.refusals += 1
      this.#lastDigest = await this.#digest()
      expect(this.#lastDigest, `${told}, and changed the database`).toBe(before)
    }
    const isValidAnswer = operation.isValidAnswer[status]
    if (!isValidAnswer) throw new Error(`${told}, which is not documented`)
    const body = JSON.parse(text)
    expect(isValidAnswer(body), `${told}: ${JSON.stringify(isValidAnswer.errors)}`).toBe(true)

    if (spoilt === null && status === 400 && !BEYOND_JSON_SCHEMA.test(text)) {
      throw new Error(`${told}, although the document allows ${JSON.stringify(input).slice(0, 500)}`)
    }
    const isRefusedByDocument = !operation.isValidInput(structuredClone(input))
    if (spoilt === null || !isRefusedByDocument || status === 401) return
    expect([400, 404, 413], `${told}, although the document forbids ${spoilt}`).toContain(status)
    if (status === 400 && operation.input.properties && spoilt !== 'body')
      expect(namedFields(body), told).toContain(spoilt)
  }

  #send(operation: Operation, { token, key, input }: Sent): Promise<Response> {
    // A connection each: one that is kept alive may be closed by main just when it is used again.
    const headers: Record<string, string> = { 'content-type': 'application/json', connection: 'close' }
    if (token !== 'none') headers.authorization = `Bearer ${token === 'right' ? this.#main.token : 'x'.repeat(30)}`
    if (key !== null) headers['idempotency-key'] = key
    if (!operation.inUrl) {
      const body = JSON.stringify(input)
      return fetch(this.#main.url + operation.path, { method: 'POST', headers, body })
    }
    const query = new URLSearchParams()
    // Without a prototype, so that `__proto__` is a field like any other.
    const body: Record<string, unknown> = Object.create(null)
    let path = operation.path
    for (const [name, value] of Object.entries(input as Record<string, unknown>)) {
      const place = `{${name}}`
      if (path.includes(place)) path = path.replace(place, () => encodeURIComponent(asText(value)))
      else if (operation.method === 'post') body[name] = value
      else query.set(name, asText(value))
    }
    const { method } = operation
    return fetch(`${this.#main.url}${path}?${query}`, {
      method,
      headers,
      ...(method === 'post' && { body: JSON.stringify(body) }),
    })
  }
}

/** Numbers in the one spelling that a query string takes. */
function asText(value: unknown): string {
  return typeof value === 'number' ? value.toFixed(9).replace(/\.?0+$/, '') : String(value)
}

function namedFields(body: { fields: Array<{ field: string }> }): string[] {
  return body.fields.map(({ field }) => field.split('.')[0] ?? '')
}

/** Tasks in every state, and what a request must name to hit them. */
async function plant(main: TestMain): Promise<Hints> {
  const { controller } = main.component
  const until = Date.now() / 1000 + 3600
  const queued = events.queued(1, until)
  const histories = [
    [],
    [],
    [],
    [queued],
    [queued],
    [queued, events.processing(1)],
    [queued, events.processing(1)],
    [queued, events.failed(1, 0)],
    [queued, events.failed(1, until, false)],
    [events.cancelled(1)],
  ]
  const ids: string[] = []
  const keys: string[] = []
  for (const prefix of ['FangzhouVideo', 'Nanobanana2', 'TestAsyncTask']) {
    const names = callEntityNames(prefix)
    for (const history of histories) {
      const id = await plantTask(controller, { events: history }, names)
      ids.push(id)
      keys.push(await taskKeyOf(controller, id, names))
    }
    // Nobody names these, so that there always is something to fetch.
    await plantTask(controller, {}, names)
  }
  return {
    apiCallId: ids,
    taskId: keys,
    attempt: [1, 1, 1, 2],
    runId: ['run-1', 'run-2'],
    fencingToken: [`token-1-${until}`, 'token-processing', 'token-cancelled', 'token-chosen-by-claimer'],
    waitSeconds: [0],
  }
}
