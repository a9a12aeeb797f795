/** A simulator that an integration brings is found by being there. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ownSimulators } from '@/simulator/own.js'
import { simulatorFor } from '@/tools/simulators/command-line.js'
import { polledSpeech, speechAtOnce, wordCount } from '../provider-kit/speech.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'integrations-'))
  for (const name of ['polled-speech', 'wordCount']) {
    await mkdir(join(folder, name))
    const speech = new URL('../provider-kit/speech-simulator.ts', import.meta.url).href
    await writeFile(
      join(folder, name, 'simulator.ts'),
      `export { createSpeechSimulator as createSimulator } from '${speech}'`,
    )
  }
})
afterAll(() => rm(folder, { recursive: true, force: true }))

it('where the definition has a provider, at a port of its own, which a variable moves', async () => {
  const integrations = { polledSpeech, speechAtOnce, wordCount }
  const found = ownSimulators({ integrations, integrationsPath: folder })
  expect(found).toMatchObject([{ namespace: 'polledSpeech', variable: 'POLLED_SPEECH_SIMULATOR_URL' }])
  const [speech] = found
  if (!speech) throw new Error('It was not found')
  expect(Number(speech.url.port)).toBeGreaterThanOrEqual(4100)
  const { createSimulator: create } = await speech.load()
  const own = { polledSpeech: { create, defaultPort: 0 } }
  const asked = simulatorFor(['polledSpeech', '--latency-ms', '0', '--faults', 'rateLimited=1'], own)
  const { url } = (await asked?.simulator.start()) ?? {}
  expect((await fetch(`${url}/v1/speech`, { method: 'POST', body: '{}' })).status).toBe(429)
  await asked?.simulator.stop()
})
