/** A chaos run of a fixed seed: real processes, every kind of fault. `npm run chaos` is the long one. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { runChaos } from '@/tools/chaos/run.js'
import { FAULT_KINDS } from '@/tools/chaos/schedule.js'

const SEED = 7

/** @param patienceMinutes after the minutes, half of which are for finishing: for slow machines */
export async function surviveChaos(tasks: number, minutes: number, patienceMinutes: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'chaos-'))
  const said: string[] = []
  const options = { tasks, daemons: 2, mains: 2, seed: SEED, minutes, patienceMinutes, folder }
  const { summary, violations, faults } = await runChaos({ ...options, say: (line) => said.push(line) })

  expect(violations, `${said.join('\n')}\nLogs are in ${folder}/logs`).toEqual([])
  expect(summary).toMatchObject({
    tasks,
    lost: 0,
    duplicateStarts: 0,
    duplicateProviderCreates: 0,
    staleWritesAccepted: 0,
  })
  expect(summary.completed + summary.failed).toBe(tasks)
  expect(new Set(faults.map(({ kind }) => kind))).toEqual(new Set(FAULT_KINDS))
  // Logs are kept where something was found.
  await rm(folder, { recursive: true, force: true })
}
