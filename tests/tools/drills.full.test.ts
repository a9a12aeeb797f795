/** Each incident of `npm run drill` shows where the runbook says, and what the runbook says to do ends it. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { runTasks } from '@/package/tasks/index.js'
import { INCIDENTS } from '@/tools/drills/incidents.js'
import { actOutside } from '@/tools/drills/outside.js'
import { DrillSystem } from '@/tools/drills/system.js'

const SHOWS_WITHIN = { timeout: 60_000, interval: 500 }
const WELL_WITHIN = { timeout: 120_000, interval: 500 }
const VIDEOS = 'fangzhouVideoGeneration'

let folder: string
let system: DrillSystem
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drills-'))
  system = new DrillSystem(folder)
  await system.start()
}, 120_000)
afterAll(async () => {
  await system?.stop()
  await rm(folder, { recursive: true, force: true })
}, 60_000)

/** `npm run tasks -- …`: its exit code, and what it wrote. */
async function tasks(...args: string[]) {
  let text = ''
  const write = (line: string) => {
    text += `${line}\n`
  }
  const terminal = { isAttended: false, isScreen: false, hasColours: false, ask: async () => '' }
  const env = { MAIN_URL: system.urls.main, OPERATOR_TOKEN: system.secrets.operator }
  const code = await runTasks(args, {
    env,
    terminal: { ...terminal, out: write, err: write, progress: write },
    signal: new AbortController().signal,
  })
  return { code, text }
}

const act = (...args: string[]) => tasks(...args, '--reason', 'a drill', '--yes')

/** What a daemon says of itself. */
async function readiness(name: 'daemon-1' | 'daemon-2'): Promise<string> {
  return (await fetch(`${system.urls[name]}/readyz`, { signal: AbortSignal.timeout(3_000) })).text()
}

interface Case {
  /** Where the runbook looks first, and what it sees there. */
  shows(): Promise<void>
  /** What the runbook says to do. */
  solve(): Promise<void>
}

const outside = (line: string) => actOutside(system, line)
const show = async (id: string) => (await tasks('show', id)).text

const CASES: Record<string, Case> = {
  'provider-down': {
    async shows() {
      const video = await system.create('video', 'anna')
      await vi.waitFor(async () => expect(await show(video)).toMatch(/waits for.*no answer/), SHOWS_WITHIN)
    },
    async solve() {
      expect((await act('pause', VIDEOS)).code).toBe(0)
      await outside('call provider')
      expect((await act('resume', VIDEOS)).code).toBe(0)
    },
  },
  'wrong-key': {
    async shows() {
      await system.create('video', 'anna')
      await vi.waitFor(async () => expect((await tasks('stats')).text).toContain('AuthenticationError'), SHOWS_WITHIN)
    },
    async solve() {
      for (const name of ['daemon-1', 'daemon-2']) {
        await outside(`restart ${name} ARK_API_KEY=${system.secrets.arkKey}`)
      }
      await act('retry', '--code', 'AuthenticationError')
    },
  },
  'poisoned-tasks': {
    async shows() {
      await vi.waitFor(async () => {
        const { text } = await tasks('list', '--integration', VIDEOS, '--user', 'ben', '--limit', '100')
        expect(text.match(/pending|failed/g)?.length).toBeGreaterThan(50)
      }, SHOWS_WITHIN)
    },
    async solve() {
      expect((await act('cancel', '--integration', VIDEOS, '--user', 'ben')).text).toMatch(/^\d+ done/m)
    },
  },
  'stuck-daemon': {
    async shows() {
      await expect(readiness('daemon-1')).rejects.toThrow()
      expect(await readiness('daemon-2')).toContain('ok')
    },
    solve: async () => void (await outside('restart daemon-1')),
  },
  'database-away': {
    async shows() {
      expect(await tasks('stats', '--timeout', '0')).toMatchObject({ code: 1, text: expect.stringContaining('503') })
    },
    solve: async () => void (await outside('start database')),
  },
  'queue-grows': {
    async shows() {
      const waiting = await system.create('test', 'anna')
      await vi.waitFor(
        async () => expect(await show(waiting)).toContain('limit of such tasks in flight is 0'),
        SHOWS_WITHIN,
      )
    },
    async solve() {
      expect((await act('limits', 'testAsyncTask', '--in-flight', '20')).code).toBe(0)
    },
  },
  'one-user-floods': {
    async shows() {
      const waiting = await system.create('test', 'cleo')
      await vi.waitFor(async () => expect(await show(waiting)).toContain('are in flight'), SHOWS_WITHIN)
      const { text } = await tasks('list', '--integration', 'testAsyncTask', '--status', 'pending', '--limit', '100')
      expect(text.match(/\bben\b/g)?.length).toBeGreaterThan(90)
    },
    async solve() {
      expect((await act('limits', 'testAsyncTask', '--in-flight-per-user', '2')).code).toBe(0)
      expect((await act('cancel', '--user', 'ben', '--integration', 'testAsyncTask')).code).toBe(0)
    },
  },
  'lost-answers': {
    async shows() {
      await system.create('image', 'anna')
      // An earlier incident may have lost an answer too.
      const lost = ['list', '--status', 'failed', '--code', 'create_answer_lost']
      await vi.waitFor(async () => expect((await tasks(...lost)).text).toContain('nanobanana2'), SHOWS_WITHIN)
      expect((await tasks('stats')).text).toContain('create_answer_lost')
    },
    async solve() {
      await outside('call provider')
      await act('retry', '--code', 'create_answer_lost')
    },
  },
  'wrong-token': {
    shows: () =>
      vi.waitFor(async () => expect(await readiness('daemon-1')).toMatch(/unauthorized|401|token/i), SHOWS_WITHIN),
    async solve() {
      for (const name of ['daemon-1', 'daemon-2']) {
        await outside(`restart ${name} INTERNAL_API_TOKEN=${system.secrets.internal}`)
      }
    },
  },
  'temporal-away': {
    shows: () => vi.waitFor(async () => expect(await readiness('daemon-1')).toMatch(/temporal/i), SHOWS_WITHIN),
    solve: async () => void (await outside('start temporal')),
  },
}

it.each(INCIDENTS.map((incident) => [incident.name, incident] as const))(
  '%s',
  async (name, incident) => {
    const { shows, solve } = CASES[name] as Case
    await incident.stage(system)
    await shows()
    if (incident.left) expect(await incident.left(system)).not.toBeNull()
    await solve()
    await vi.waitFor(async () => {
      // What failed meanwhile is allowed another attempt once the cause is gone.
      await act('retry', '--code', 'AuthenticationError')
      await act('retry', '--code', 'create_answer_lost')
      expect([await system.isWell(), await incident.left?.(system)]).toEqual([true, incident.left ? null : undefined])
    }, WELL_WITHIN)
  },
  240_000,
)
