/** Requests and results of a megabyte, from the claim to the report: what they take of main's and the daemon's memory. */
import { expect, test } from 'vitest'
import { MAX_BODY_BYTES } from '@/protocol/limits.js'
import { names } from '@/tools/bench/bench-application.js'
import { residentMegabytes } from '@/tools/bench/machine-time.js'
import { bundleMany, withFolder } from '@/tools/bench/many.js'
import { BenchSystem } from '@/tools/bench/system.js'

const [KIND = ''] = names(1)
const AT_ONCE = 32
const SAMPLE_MS = 50
/** So much remains for the other fields of a report. */
const MESSAGE = 'x'.repeat(MAX_BODY_BYTES - 2_000)
/** Megabytes: what main's pod has, and half of what a daemon's has, in `deploy/kubernetes/base`. */
const LIMITS = { main: 768, daemon: 768 }
/** A second time may take so many times as much. */
const GROWTH = 1.25

test(`of ${AT_ONCE} tasks of a megabyte at once all are completed, and memory stays within bounds, also when it is repeated`, async () => {
  await withFolder(1, async (folder) => {
    await bundleMany(folder, 1)
    const env = { BENCH_FOLDER: folder, BENCH_INTEGRATIONS: '1' }
    await BenchSystem.with({ database: 'postgresql', env, startsMain: false }, async (system) => {
      const main = await system.startProcess('application', ['main'])
      const daemon = await system.startProcess('application', ['daemon'])
      const pids = { main: main.pid, daemon: daemon.pid }
      const { tasks } = system
      const complete = async (message: string, count: number) => {
        const ids = await Promise.all(Array.from({ length: count }, () => tasks.create(KIND, { message })))
        const ended = await Promise.all(ids.map((id) => tasks.untilEnded(KIND, id, AbortSignal.timeout(90_000))))
        expect(ended.map(({ status, error }) => error ?? status)).toEqual(ids.map(() => 'completed'))
        for (const { result } of ended) expect((result as { message: string }).message === message).toBe(true)
      }
      await complete('warm-up', AT_ONCE)
      const before = megabytes(pids)
      const first = await peakWhile(pids, () => complete(MESSAGE, AT_ONCE))
      const again = await peakWhile(pids, () => complete(MESSAGE, AT_ONCE))
      console.log(`megabytes: before ${text(before)}; peak ${text(first)}; again ${text(again)}`)
      for (const part of ['main', 'daemon'] as const) {
        expect(first[part], part).toBeLessThan(LIMITS[part])
        expect(again[part] / first[part], `${part}, again`).toBeLessThan(GROWTH)
      }
    })
  })
})

type Megabytes = Record<'main' | 'daemon', number>

function megabytes({ main, daemon }: Megabytes): Megabytes {
  return { main: residentMegabytes(main), daemon: residentMegabytes(daemon) }
}

/** The most that each process has of memory meanwhile. */
async function peakWhile(pids: Megabytes, work: () => Promise<void>): Promise<Megabytes> {
  const peak = megabytes(pids)
  const sampling = setInterval(() => {
    const now = megabytes(pids)
    for (const part of ['main', 'daemon'] as const) peak[part] = Math.max(peak[part], now[part])
  }, SAMPLE_MS)
  try {
    await work()
    return peak
  } finally {
    clearInterval(sampling)
  }
}

function text({ main, daemon }: Megabytes): string {
  return `main ${main.toFixed(0)}, daemon ${daemon.toFixed(0)}`
}
