/** Main where its database's disk is full: it says so, stops when it is told, and has what it acknowledged. */
import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { PGlite } from '@electric-sql/pglite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createLogger } from '@/main-component/logger.js'
import { openDatabase } from '@/main-component/open-database.js'
import { type MainProcess, startMainProcess, startTestMain } from '../support/main.js'
import { startPostgres } from '../support/postgres.js'
import { type SmallDisk, smallDisk } from '../support/small-disk.js'

/** Far above what a request takes. A main that hangs on a full disk hangs for ever. */
const ANSWER_LIMIT_MS = 45_000
const FULL = {
  status: 503,
  body: { success: false, error: 'The database is away, busy or full; nothing was stored' },
}

let disk: SmallDisk
let processes: Pick<MainProcess, 'kill'>[] = []
beforeEach(async () => {
  disk = await smallDisk(120)
})
afterEach(async () => {
  for (const process of processes) process.kill()
  processes = []
  await disk.remove()
})

describe('PGLite', () => {
  it('main answers 503 before its disk is full, reads on, stops on SIGTERM, and has all that it acknowledged', async () => {
    const env = { MAIN_DATA_DIR: join(disk.path, 'main') }
    const main = await startMainProcess(env)
    processes.push(main)
    const { taskIds, refusal } = await createUntilRefused(main.url)
    expect(taskIds.length).toBeGreaterThan(0)
    expect(refusal).toMatchObject({ ...FULL, retryAfter: expect.stringMatching(/^[1-9]\d*$/) })
    for (const id of taskIds) expect(await main.get(`/api/image/tasks/${id}`)).toMatchObject({ status: 200 })
    expect(await main.stop()).toEqual({ code: 0 })

    await disk.resize(240)
    const again = await startMainProcess(env)
    processes.push(again)
    for (const id of taskIds) {
      expect(await again.get(`/api/image/tasks/${id}`)).toMatchObject({ status: 200, body: { status: 'pending' } })
    }
    expect(await create(again.url)).toMatchObject({ status: 200 })
    expect(await again.stop()).toEqual({ code: 0 })
  })

  it('a process whose database does not come back ends, says why, and has lost nothing', async () => {
    const fixture = fileURLToPath(new URL('fixtures/stalling-database.ts', import.meta.url))
    const folder = join(disk.path, 'database')
    await (await PGlite.create(folder)).close()
    const child = fork(fixture, [folder], { execArgv: ['--import', 'tsx'], silent: true })
    let acknowledged = 0
    child.on('message', ({ id }: { id: number }) => {
      acknowledged = id
    })
    let stderr = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    processes.push(child)
    const ended = await Promise.race([once(child, 'exit'), sleep(ANSWER_LIMIT_MS, 'hangs')])
    expect(ended, stderr).toEqual([null, 'SIGKILL'])
    expect(stderr).toMatch(/^main component: ended, .*: the disk of .* is full\. Free some room/m)
    expect(acknowledged).toBeGreaterThan(0)

    await disk.resize(240)
    const database = await PGlite.create(folder)
    const { rows } = await database.query('SELECT max(id) AS last FROM filled')
    await database.close()
    expect(rows).toEqual([{ last: acknowledged }])
  })

  it('main does not start on a disk that has no room, and gives the folder back', async () => {
    await writeFile(join(disk.path, 'filler'), Buffer.alloc(60 * 2 ** 20))
    const open = () => openDatabase({ dataDir: join(disk.path, 'main') }, createLogger())
    const full = {
      code: 'DISK_FULL',
      retryable: true,
      message: expect.stringMatching(/has \d+ MiB free, .* Free some/),
    }
    await expect(open()).rejects.toMatchObject(full)
    await disk.resize(240)
    const database = await open()
    await database.driver.open()
    await database.close()
  })
})

describe('PostgreSQL', () => {
  it('main answers 503 while its disk is full, and has all that it acknowledged afterwards', async () => {
    await disk.resize(160)
    const postgres = await startPostgres({ parent: disk.path })
    const main = await startTestMain({ databaseUrl: await postgres.createDatabase() })
    try {
      const { taskIds, refusal } = await createUntilRefused(main.url)
      expect(refusal).toMatchObject({ ...FULL, retryAfter: expect.stringMatching(/^[1-9]\d*$/) })
      // The log fills up as well: the server then ends, and does not come back by itself.
      for (let request = 0; request < 5; request += 1) {
        const answer = await create(main.url)
        if (answer.status === 200) taskIds.push(answer.body.taskId)
        else expect(answer).toMatchObject(FULL)
      }
      await disk.resize(400)
      await postgres.restart()
      for (const id of taskIds) expect(await main.get(`/api/image/tasks/${id}`)).toMatchObject({ status: 200 })
      expect(await create(main.url)).toMatchObject({ status: 200 })
    } finally {
      await main.stop()
      await postgres.stop()
    }
  })
})

interface Created {
  status: number
  body: { taskId: string }
  retryAfter: string | null
}

async function createUntilRefused(url: string): Promise<{ taskIds: string[]; refusal: Created }> {
  const taskIds: string[] = []
  for (;;) {
    const answer = await create(url)
    if (answer.status !== 200) return { taskIds, refusal: answer }
    taskIds.push(answer.body.taskId)
  }
}

/** Asks for an image, with 600 kB that no database can compress. */
async function create(url: string): Promise<Created> {
  const picture = `data:image/png;base64,${randomBytes(450_000).toString('base64')}`
  const request = fetch(`${url}/api/image/generate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: 'a boat', referenceImages: [picture] }),
  })
  const response = await Promise.race([request, sleep(ANSWER_LIMIT_MS)])
  if (!response) expect.fail('main does not answer')
  return {
    status: response.status,
    body: (await response.json()) as { taskId: string },
    retryAfter: response.headers.get('retry-after'),
  }
}
