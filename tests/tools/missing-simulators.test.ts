import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { loadConfig } from '@/config/load.js'
import { missingSimulators } from '@/tools/dev/missing-simulators.js'
import { createArkSimulator } from '@/tools/simulators/index.js'
import { simulatorsInUse } from '@/tools/stack/simulators-in-use.js'
import { freePort } from '@/tools/temporal/free-port.js'
import { withoutOthers } from '../support/own-integrations.js'

let said: string[]
beforeEach(() => {
  said = []
  vi.spyOn(console, 'log').mockImplementation((line: string) => void said.push(line))
})
afterEach(() => vi.restoreAllMocks())

async function missing(env: Record<string, string>): Promise<unknown[]> {
  const programs = await missingSimulators(
    simulatorsInUse(loadConfig({ env: { ...withoutOthers, ...env } }).integrations),
    {},
  )
  return programs.map(({ entry, args }) => [entry, ...(args ?? [])])
}

const KEY = { IMAGE_API_KEY: 'a-key', IMAGE_BASE_URL: 'https://images.example', IMAGE_MODEL: 'm' }

test('none is needed where there is a key', async () => {
  expect(await missing({ ...KEY, ARK_API_KEY: 'a-key', ARK_MODEL: 'm' })).toEqual([])
  expect(said).toEqual([])
})

test('one that runs is used, and one that does not is to be started', async () => {
  const ark = createArkSimulator()
  onTestFinished(() => ark.stop())
  const { url } = await ark.start()
  const port = await freePort()
  const env = {
    ARK_SIMULATOR_URL: url,
    IMAGE_BACKEND: 'gemini',
    IMAGE_SIMULATOR_URL: `http://127.0.0.1:${port}/v1beta`,
  }
  expect(await missing(env)).toEqual([['tools/simulators/main.ts', 'gemini', '--port', String(port)]])
  expect(said[0]).toMatch(/^fangzhouVideoGeneration: .* SIMULATOR ark stands in at .*: it runs already\.$/)
  expect(said[1]).toMatch(/^nanobanana2ImageGeneration: .* SIMULATOR gemini stands in at .*: started here\.$/)
})

test('what else listens there is told, and left alone', async () => {
  const server = createServer((_request, response) => response.end('else'))
  onTestFinished(() => void server.close())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v3`
  expect(await missing({ ...KEY, ARK_SIMULATOR_URL: url })).toEqual([])
  expect(said[0]).toContain('something else listens there')
})
