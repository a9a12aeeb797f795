/** What an earlier release's daemons and main said to each other, said to today's: they work together while mixed. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { MockActivityEnvironment } from '@temporalio/testing'
import { describe, expect, it } from 'vitest'
import { ReportRefusedError } from '@/async-task-component/errors.js'
import { MainClient, type TaskReport } from '@/async-task-component/main-client.js'
import { createTaskActivities } from '@/provider-kit/main-reports.js'
import { startTestMain } from '../support/main.js'
import { type Exchange, FIXTURE_TOKEN, readFixtures } from './fixtures.js'

type Body = Record<string, unknown>

const recorded = readFixtures().flatMap(({ version, sessions }) =>
  sessions.map((session, index) => ({ version, session: index + 1, ...session })),
)

describe.each(recorded)('$version, session $session', ({ stuckTimeoutSeconds, exchanges }) => {
  it('today’s main answers that daemon as its own main did', async () => {
    const main = await startTestMain({ tasks: { stuckTimeoutSeconds } })
    const names = new Names()
    try {
      for (const [index, exchange] of exchanges.entries()) {
        const { by, method, path, status } = exchange
        const body = names.inToday(exchange.body)
        const ask = by === 'user' ? main.post : main.internalPost
        const answer = await (method === 'GET' ? main.internalGet(path) : ask(path, body))
        const what = `${index}: ${method} ${path} ${JSON.stringify(exchange.body)}`
        expect(answer.status, what).toBe(status)
        if (by === 'user') continue
        names.learn(exchange.answer as Body, answer.body)
        expect(essence(answer.body), what).toMatchObject(expected(names.inToday(exchange.answer) as Body))
      }
    } finally {
      await main.stop()
    }
  })

  it('today’s daemon takes what that main answered', async () => {
    let current: Exchange | undefined
    const server = createServer((request, response) => {
      request.resume()
      response.writeHead(current?.status ?? 500, { 'content-type': 'application/json' })
      response.end(JSON.stringify(current?.answer))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const client = new MainClient({ internalToken: FIXTURE_TOKEN, requestTimeoutMs: 60_000 })
    const activities = createTaskActivities({ mainUrl: url, internalToken: FIXTURE_TOKEN })
    const { signal } = new AbortController()
    try {
      for (const exchange of exchanges.filter(({ by }) => by === 'daemon')) {
        current = exchange
        const { path, body, status } = exchange
        const answer = exchange.answer as Body
        const target = `${url}${path}`
        if (path.includes('/fetchPendingTasks')) {
          expect(await client.fetchPendingTasks(target, { limit: 10, waitSeconds: 0 }, signal)).toEqual(answer.tasks)
        } else if (path.includes('/runsToCheck')) {
          const query = { limit: 10, uncheckedForSeconds: 0 }
          expect(await client.fetchRunsToCheck(target, query, signal)).toEqual(answer.runs)
        } else if ('runId' in (body as Body)) {
          const run = new MockActivityEnvironment()
          const report = body as Parameters<typeof activities.beginAttempt>[1]
          const reply = await run.run(activities.beginAttempt, target, report)
          if (status !== 200) expect(reply).toMatchObject({ accepted: false, reason: answer.error })
          else expect(reply).toMatchObject({ accepted: true, begun: { openIntents: answer.openIntents ?? [] } })
        } else {
          const reply = await client.report(target, body as TaskReport, signal).catch((error: unknown) => error)
          if (status === 200) expect(reply).toMatchObject({ status: answer.status })
          else {
            expect(reply).toBeInstanceOf(ReportRefusedError)
            expect(reply).toMatchObject({ httpStatus: status, reason: answer.reason, taskStatus: answer.status })
          }
        }
      }
    } finally {
      server.close()
    }
  })
})

/** What is called one thing in the recording, and another today: ids, keys, and the tokens that main makes up. */
class Names {
  readonly #today = new Map<unknown, unknown>()

  learn(before: Body, today: Body): void {
    const newest = ({ tasks }: Body) => (tasks as Body[] | undefined)?.reduce((a, b) => (later(b, a) ? b : a))
    const [then, now] = [newest(before), newest(today)]
    if (then && now) for (const field of ['id', 'taskKey']) this.#today.set(then[field], now[field])
    for (const run of (before.runs as Body[] | undefined) ?? []) {
      const same = (today.runs as Body[]).find(({ apiCallId }) => apiCallId === this.#today.get(run.apiCallId))
      this.#today.set(run.fencingToken, same?.fencingToken)
    }
  }

  inToday(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((item) => this.inToday(item))
    if (typeof value !== 'object' || value === null) return this.#today.get(value) ?? value
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.inToday(item)]))
  }
}

function later(a: Body, b: Body): boolean {
  return Number(a.createdAt) > Number(b.createdAt)
}

/** Today's main may keep more create intents open: then a run looks for what it would else not know of. */
function expected(answer: Body): Body {
  const { openIntents, ...rest } = essence(answer)
  return { ...rest, ...(Array.isArray(openIntents) && { openIntents: expect.arrayContaining(openIntents) }) }
}

/** An answer without what no two runs have in common: times, and which other tasks happen to be due. */
function essence({ tasks, runs, ...answer }: Body): Body {
  const timeless = JSON.parse(JSON.stringify(answer), (key, value) =>
    key === 'at' || key === 'leaseSeconds' ? typeof value : key === 'error' ? typeof value : value,
  )
  const newest = (tasks as Body[] | undefined)?.reduce((a, b) => (later(b, a) ? b : a))
  return {
    ...timeless,
    ...(newest && { newest: { ...newest, createdAt: 'number', startedAt: typeof newest.startedAt } }),
    ...(runs !== undefined && { runs }),
  }
}
