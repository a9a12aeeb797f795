import { once } from 'node:events'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { internalToken } from '@/config/development-token.js'
import { lockDataDir } from '@/main-component/data-dir-lock.js'
import { spawnMain, startMainProcess, startTestMain } from '../support/main.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'start-main-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function runToEnd(env: Record<string, string>): Promise<{ code: number | null; stderr: string }> {
  const child = spawnMain(env)
  let stderr = ''
  child.stdout?.resume()
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk
  })
  const [code] = await once(child, 'close')
  return { code, stderr }
}

describe('startMain.ts', () => {
  it("prints its URL, keeps its data between runs, ends with 0 on SIGTERM; and loads none of Temporal's native core", async () => {
    const forbidden = new URL('forbid-native-core.mjs', import.meta.url)
    const env = { MAIN_DATA_DIR: join(folder, 'kept'), NODE_OPTIONS: `--import=${forbidden}` }
    const first = await startMainProcess(env)
    const { body } = await first.post('/api/test/run', {})
    expect(await first.stop()).toEqual({ code: 0 })

    const second = await startMainProcess(env)
    expect(await second.get(`/api/test/tasks/${body.taskId}`)).toMatchObject({
      status: 200,
      body: { status: 'pending' },
    })
    expect(await second.stop()).toEqual({ code: 0 })
  })

  it('ends with 0 on a SIGTERM that comes as soon as it says that it is ready', async () => {
    const slow = new URL('fixtures/slow-after-ready.mjs', import.meta.url)
    const main = await startMainProcess({ MAIN_DATA_DIR: join(folder, 'short'), NODE_OPTIONS: `--import=${slow}` })
    expect(await main.stop()).toEqual({ code: 0 })
  })

  it('in production refuses to start without a token, and says what to set', async () => {
    const env = { CONFIG_MODE: 'prod', INTERNAL_API_TOKEN: '', MAIN_PUBLIC_URL: 'https://main.example.org' }
    const { code, stderr } = await runToEnd({ ...env, DATABASE_URL: 'postgres://nobody@127.0.0.1:1/app' })
    expect(code).toBe(1)
    expect(stderr).toContain('INTERNAL_API_TOKEN')
    expect(stderr).not.toMatch(/\n\s+at /)
  })

  it.each(['prod', 'dev'])('in %s refuses to start for everybody, and says what to set', async (CONFIG_MODE) => {
    const env = { CONFIG_MODE, MAIN_URL: 'https://main.example.org' }
    const { code, stderr } = await runToEnd({ ...env, DATABASE_URL: 'postgres://nobody@127.0.0.1:1/app' })
    expect(code).toBe(1)
    expect(stderr).toMatch(/components\.main\.auth\.mode: .*API_TOKENS.*ALLOW_ANONYMOUS=true/)
  })

  it('refuses a data folder that another process has', async () => {
    const dataDir = join(folder, 'contested')
    const { unlock } = lockDataDir(dataDir)
    const { code, stderr } = await runToEnd({ MAIN_DATA_DIR: dataDir })
    unlock()
    expect(code).toBe(1)
    expect(stderr).toContain(`The database folder ${dataDir} is in use by another process`)
  })
})

it('a port that is taken is named, with the remedy', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await expect(startTestMain({ port })).rejects.toMatchObject({
    code: 'PORT_IN_USE',
    message: expect.stringContaining(`Port ${port} of 127.0.0.1 is in use`),
  })
  server.close()
})

describe('the internal token', () => {
  it('is the configured one where there is one', () => {
    expect(internalToken('prod', 'configured-token-0123')).toBe('configured-token-0123')
  })

  it.each(['prod', 'dev'] as const)('is never made up in mode %s', (mode) => {
    expect(() => internalToken(mode)).toThrow(/INTERNAL_API_TOKEN is not set/)
  })

  it('is made up in development, the same for every process, readable for nobody else', async () => {
    const file = join(folder, 'data', 'internal-token')
    const token = internalToken('local', undefined, file)
    expect(token).toMatch(/^[\w-]{32}$/)
    expect(internalToken('local', undefined, file)).toBe(token)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
  })
})
