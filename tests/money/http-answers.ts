/** What everybody can get main and the daemons to answer: every operation, with and without a token, right and wrong. */
import fc from 'fast-check'
import type { Place } from '@/testing/scanner.js'
import { type Hints, mutatedInput, mutatedParameters, validInput } from '../fuzz/inputs.js'
import { type Operation, readOperations } from '../fuzz/openapi.js'
import { answer } from '../secrets/places.js'
import type { StoredVideo } from './stored-videos.js'
import type { MoneySystem } from './system.js'

export type Answer = Place & { status: number }

const INPUTS_EACH = 8
/** How many tasks are shown of those that failed, and of the others. */
const SHOWN = 20

export async function answersOf(system: MoneySystem, videos: readonly StoredVideo[]): Promise<Answer[]> {
  const { mainUrl, healthUrls } = system
  const failed = videos.filter(({ error }) => error !== null)
  const shown = [...failed.slice(0, SHOWN), ...videos.filter(({ error }) => error === null).slice(0, SHOWN)]
  const ids = shown.map(({ id }) => id)
  const keys = shown.map(({ taskKey }) => taskKey)
  const { paths } = await (await fetch(`${mainUrl}/openapi.json`)).json()
  const addresses = [
    ...['/openapi.json', '/health', '/nowhere', '/artifacts/nothing-1.mp4'].map((path) => mainUrl + path),
    ...keys.map((key) => `${mainUrl}/api/video/tasks/${key}`),
    ...shown.flatMap(({ result }) => (result ? `${mainUrl}/artifacts/${result.video.key}` : [])),
    ...healthUrls.flatMap((url) => ['/health/live', '/health/ready', '/nowhere'].map((path) => url + path)),
  ]
  const answers: Answer[] = []
  const { INTERNAL_API_TOKEN, OPERATOR_TOKEN, ANNAS_TOKEN } = system.secrets
  const tokens = [ANNAS_TOKEN, OPERATOR_TOKEN, INTERNAL_API_TOKEN, 'x'.repeat(30)]
  for (const address of addresses) {
    for (const token of tokens) answers.push(await answer(address, { headers: bearer(token) }))
  }
  // A task's events end with it; those of all tasks go on for ever.
  const ending = readOperations({ paths }).filter(({ streams, path }) => !streams || path.includes('{taskId}'))
  // What changes something comes last: a task that is retried has not ended any more.
  const inOrder = [
    ...ending.filter(({ method }) => method === 'get'),
    ...ending.filter(({ method }) => method !== 'get'),
  ]
  const requests = inOrder.flatMap((operation) => requestsOf(operation, ids, keys))
  for (const { path, init } of requests) {
    for (const token of tokens) {
      const headers = { ...bearer(token), 'content-type': 'application/json' }
      answers.push(await answer(mainUrl + path, { ...init, headers }))
    }
  }
  return answers
}

export async function answersWhileDatabaseIsDown({ mainUrl, postgres, secrets }: MoneySystem): Promise<Answer[]> {
  const answers: Answer[] = []
  const headers = bearer(secrets.ANNAS_TOKEN)
  await postgres.restart(async () => {
    for (const path of ['/health', '/api/video/tasks/1']) answers.push(await answer(mainUrl + path, { headers }))
  })
  return answers
}

function bearer(token: string) {
  return { authorization: `Bearer ${token}` }
}

function requestsOf(operation: Operation, ids: string[], keys: string[]): Array<{ path: string; init: RequestInit }> {
  const { input, inUrl, method } = operation
  const hints: Hints = { apiCallId: ids, taskId: keys, waitSeconds: [0] }
  const mutated = inUrl ? mutatedParameters(input, hints) : mutatedInput(input, hints)
  const options = { numRuns: INPUTS_EACH, seed: 1 }
  const inputs = [
    ...fc.sample(validInput(input, hints), options),
    ...fc.sample(mutated, options).map((one) => one.input),
  ]
  if (!inUrl)
    return inputs.map((body) => ({ path: operation.path, init: { method: 'POST', body: JSON.stringify(body) } }))
  return inputs.map((made) => {
    const fields = Object.entries(made as object).map(([name, value]) => [name, asText(value)] as const)
    const inPath = fields.filter(([name]) => operation.path.includes(`{${name}}`))
    const path = inPath.reduce(
      (so, [name, value]) => so.replace(`{${name}}`, () => encodeURIComponent(value)),
      operation.path,
    )
    const query = new URLSearchParams(fields.filter((field) => !inPath.includes(field)).map(([...field]) => field))
    return { path: `${path}?${query}`, init: { method, ...(method === 'post' && { body: '{}' }) } }
  })
}

/** An address takes no half surrogate pair. */
function asText(value: unknown): string {
  return String(value).replace(/\p{Surrogate}/gu, '?')
}
