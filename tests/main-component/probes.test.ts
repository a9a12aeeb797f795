/** What probes learn of main, while one part of it after another is in trouble. */
import { Hono } from 'hono'
import type { Controller } from 'interaqt'
import { describe, expect, it } from 'vitest'
import type { AppEnv } from '@/main-component/app-env.js'
import { serveProbes } from '@/main-component/probes.js'
import { DatabaseSystem } from '@/tasks/database/sql.js'

function probed({ isAway = false, isStopping = false, dead = [] as string[] } = {}) {
  const query = async () => {
    if (isAway) throw new Error('the password of anna is wrong')
    return []
  }
  const app = new Hono<AppEnv>()
  serveProbes(app, {
    controller: { system: new DatabaseSystem({ query } as never) } as unknown as Controller,
    stopping: isStopping ? AbortSignal.abort() : new AbortController().signal,
    deadLoops: new Set(dead),
    metrics: { read: async () => '# EOF\n' },
    authentication: { mayReadMetrics: () => false },
  })
  return async (path: string) => {
    if (path === '/health') return (await app.request(path)).json()
    const response = await app.request(path)
    const { failing = [] } = (await response.json()) as { failing?: string[] }
    expect(response.status).toBe(failing.length === 0 ? 200 : 503)
    return failing
  }
}

const AWAY = 'the database does not answer'
const DEAD = 'the loop webhooks has died'

describe('the probes of main', () => {
  it.each([
    ['nothing', {}, [], []],
    ['the database being away', { isAway: true }, [], [AWAY]],
    ['its stop', { isStopping: true }, [], ['main is stopping']],
    ['a dead loop', { dead: ['webhooks'] }, [DEAD], [DEAD]],
    ['both', { dead: ['webhooks'], isAway: true }, [DEAD], [DEAD, AWAY]],
  ])('tell of %s where it concerns them, without what an error says', async (_what, trouble, live, ready) => {
    const said = probed(trouble)
    expect([await said('/livez'), await said('/readyz'), await said('/startupz')]).toEqual([live, ready, []])
  })

  it('leave /health as it was', async () => {
    expect(await probed()('/health')).toEqual({ status: 'ok' })
    expect(await probed({ isAway: true })('/health')).toEqual({ status: 'failing', database: 'does not answer' })
  })
})
