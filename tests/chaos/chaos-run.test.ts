/** A short chaos run of a fixed seed: real processes, every kind of fault. `npm run chaos` is the long one. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { runChaos } from '@/chaos/run.js'
import { FAULT_KINDS } from '@/chaos/schedule.js'

const TASKS = 60
const MINUTES = 2.5
/** Half of the minutes are for finishing, which is enough for most machines; this is for the slow ones. */
const PATIENCE_MINUTES = 4

it('loses nothing, runs nothing twice, pays nothing twice, and accepts no stale write', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'chaos-'))
  const said: string[] = []
  const { summary, violations, faults } = await runChaos({
    tasks: TASKS,
    daemons: 2,
    mains: 2,
    seed: 7,
    minutes: MINUTES,
    patienceMinutes: PATIENCE_MINUTES,
    folder,
    say: (line) => said.push(line),
  })

  expect(violations, `${said.join('\n')}\nLogs are in ${folder}/logs`).toEqual([])
  expect(summary).toMatchObject({
    tasks: TASKS,
    lost: 0,
    duplicateStarts: 0,
    duplicateProviderCreates: 0,
    staleWritesAccepted: 0,
  })
  expect(summary.completed + summary.failed).toBe(TASKS)
  expect(new Set(faults.map(({ kind }) => kind))).toEqual(new Set(FAULT_KINDS))
  // Logs are kept where something was found.
  await rm(folder, { recursive: true, force: true })
}, 660_000)
