import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { startTemporalServer, TemporalDatabaseInUseError } from '@/tools/temporal/server.js'

test('a database file is one server’s, until that has ended', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'temporal-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const start = (name: string) =>
    startTemporalServer({
      headless: true,
      dbFile: join(folder, 'temporal.db'),
      logFile: join(folder, `${name}.log`),
      env: { ...process.env, TEMPORAL_ADDRESS: '' },
    })
  const first = await start('first')
  const refused = await start('second').catch((error: unknown) => error)
  await first.kill()

  expect(refused).toBeInstanceOf(TemporalDatabaseInUseError)
  expect(refused).toMatchObject({
    message: expect.stringContaining('temporal.db is in use by another Temporal server'),
  })
  const next = await start('third')
  await next.stop()
})
