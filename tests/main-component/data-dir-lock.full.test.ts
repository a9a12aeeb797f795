/** One process at a time has a data folder. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { lockDataDir } from '@/main-component/data-dir-lock.js'
import { createLogger } from '@/main-component/logger.js'
import { openDatabase } from '@/main-component/open-database.js'
import { readOnlyFolder } from '../support/small-disk.js'
import type { Order, Reply } from './fixtures/lock-contender.js'

const ROUNDS = 200
const CONTENDERS = 4
const WAIT = { timeout: 30_000, interval: 20 }
const IN_USE = { code: 'DATABASE_IN_USE', retryable: false, message: expect.stringContaining('MAIN_DATA_DIR') }

let folder: string
let contenders: Contender[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'data-dir-'))
})
afterEach(async () => {
  await Promise.all(contenders.map((contender) => contender.kill()))
  contenders = []
  await rm(folder, { recursive: true, force: true })
})

describe('of several processes', () => {
  it(`one takes the folder in each of ${ROUNDS} races, also where an earlier one was left`, async () => {
    await startContenders(CONTENDERS)
    for (let round = 0; round < ROUNDS; round += 1) {
      const dataDir = join(folder, String(round))
      // As earlier versions left it, of a process that is gone.
      if (round % 2) await writeFile(`${dataDir}.lock`, '999999999')
      const outcomes = await race(dataDir)
      expect(outcomes.sort(), `round ${round}`).toEqual([...Array(CONTENDERS - 1).fill('DATABASE_IN_USE'), 'taken'])
      await Promise.all(contenders.map((contender) => contender.tell('give back')))
    }
  })

  it('one takes it, though each is process 1 of a container of its own', async () => {
    await startContenders(2, inNewPidNamespace())
    if (process.platform === 'linux') expect(contenders.map(({ pid }) => pid)).toEqual([1, 1])
    expect((await race(join(folder, 'shared'))).sort()).toEqual(['DATABASE_IN_USE', 'taken'])
  })

  it('another takes it once its holder is killed', async () => {
    await startContenders(2)
    const [first, second] = contenders as [Contender, Contender]
    const dataDir = join(folder, 'left')
    expect(await first.take(dataDir)).toBe('taken')
    expect(await second.take(dataDir)).toBe('DATABASE_IN_USE')
    await first.kill()
    expect(await second.take(dataDir)).toBe('taken')
  })

  it('none gets one in which a database is being made, even if its maker’s parent is killed', async () => {
    await startContenders(2)
    const [first, second] = contenders as [Contender, Contender]
    const dataDir = join(folder, 'half')
    await first.tell({ prepare: dataDir })
    await vi.waitFor(() => access(join(dataDir, 'PG_VERSION')), WAIT)
    await first.kill()
    expect(await second.take(dataDir)).toBe('DATABASE_IN_USE')
    await vi.waitFor(async () => expect(await second.take(dataDir)).toBe('taken'), WAIT)
    await second.tell('give back')
    const database = await openDatabase({ dataDir }, createLogger())
    await database.driver.open()
    expect(await database.driver.query('SHOW shared_buffers', [])).toEqual([{ shared_buffers: '16MB' }])
    await database.close()
  })
})

it('the same process is refused it as well, until it has given it back', () => {
  const dataDir = join(folder, 'own')
  const { unlock } = lockDataDir(dataDir)
  expect(() => lockDataDir(dataDir)).toThrow(expect.objectContaining(IN_USE))
  unlock()
  lockDataDir(dataDir).unlock()
})

it('a symbolic link leads to the same folder, and to the data in it', async () => {
  const dataDir = join(folder, 'real')
  const link = join(folder, 'link')
  await mkdir(dataDir)
  await symlink(dataDir, link)
  const database = await openDatabase({ dataDir: link }, createLogger())
  try {
    await database.driver.open()
    expect(() => lockDataDir(dataDir)).toThrow(expect.objectContaining(IN_USE))
    await access(join(dataDir, 'PG_VERSION'))
  } finally {
    await database.close()
  }
})

describe('a folder that cannot be used is named, with the remedy:', () => {
  it('one that is read-only, or is to be made in such a one', async () => {
    const readOnly = await readOnlyFolder()
    try {
      expectUnusable(readOnly.path)
      expectUnusable(join(readOnly.path, 'data', 'main'))
    } finally {
      await readOnly.remove()
    }
  })

  it('one that is a file', async () => {
    await writeFile(join(folder, 'file'), '')
    expectUnusable(join(folder, 'file'))
  })

  it('a link that leads nowhere', async () => {
    await symlink(join(folder, 'nowhere', 'at', 'all'), join(folder, 'link'))
    expectUnusable(join(folder, 'link'))
  })

  it('one whose files PGLite cannot use, of which it says no word', async () => {
    const dataDir = join(folder, 'odd')
    await mkdir(join(dataDir, 'PG_VERSION'), { recursive: true })
    const database = await openDatabase({ dataDir }, createLogger())
    await expect(database.driver.open()).rejects.toMatchObject(unusable(dataDir))
    await database.close()
  })
})

function expectUnusable(dataDir: string): void {
  expect(() => lockDataDir(dataDir)).toThrow(expect.objectContaining(unusable(dataDir)))
}

function unusable(dataDir: string) {
  const message = expect.stringMatching(new RegExp(`^The database folder ${dataDir} cannot be used: .+ MAIN_DATA_DIR`))
  return { name: 'MainComponentError', code: 'DATABASE_FOLDER_UNUSABLE', retryable: false, message }
}

/** Only Linux has such namespaces: elsewhere these are processes like the others. */
function inNewPidNamespace(): string[] {
  if (process.platform !== 'linux') return []
  const asRoot = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']
  return ['unshare', ...asRoot, '--pid', '--fork', '--kill-child']
}

async function startContenders(count: number, prefix: string[] = []): Promise<void> {
  contenders = Array.from({ length: count }, () => new Contender(prefix))
  await Promise.all(contenders.map((contender) => contender.ready))
}

function race(dataDir: string): Promise<string[]> {
  const at = Date.now() + 5
  return Promise.all(contenders.map((contender) => contender.take(dataDir, at)))
}

class Contender {
  pid = 0
  readonly ready: Promise<string>
  readonly #process: ChildProcess
  readonly #ended: Promise<never>

  constructor(prefix: string[]) {
    const fixture = fileURLToPath(new URL('fixtures/lock-contender.ts', import.meta.url))
    const [program = process.execPath, ...args] = [...prefix, process.execPath, '--import', 'tsx', fixture]
    this.#process = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.#ended = once(this.#process, 'exit').then(([code]) => {
      throw new Error(`a contender ended with ${code}`)
    })
    this.#ended.catch(() => {})
    this.ready = this.#reply()
  }

  take(dataDir: string, at = 0): Promise<string> {
    return this.tell({ take: dataDir, at })
  }

  tell(order: Order): Promise<string> {
    const reply = this.#reply()
    this.#process.send(order)
    return reply
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#ended.catch(() => {})
  }

  async #reply(): Promise<string> {
    const [{ pid, outcome }] = (await Promise.race([once(this.#process, 'message'), this.#ended])) as [Reply]
    this.pid = pid
    return outcome
  }
}
