/** What an application has of an integration by one line in `integrations/entries/definitions.ts`, and nothing else. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { loadConfig } from '@/config/load.js'
import { simulatorsInUse } from '@/tools/stack/simulators-in-use.js'
import { startTestMain, type TestMain } from '../support/main.js'

vi.mock('@/integrations/entries/definitions.js', async (original) => {
  const { polledSpeech, wordCount } = await import('../provider-kit/speech.js')
  return { ...(await original<object>()), polledSpeech, wordCount }
})

const sectionOf = (env: Record<string, string>) => {
  const { integrations } = loadConfig({ mode: 'local', env })
  return (integrations as unknown as Record<string, Record<string, unknown>>).polledSpeech
}

describe('its configuration', () => {
  it('has defaults, and its own', () => {
    expect(sectionOf({})).toMatchObject({ enabled: true, voice: 'anna', pollSeconds: 10, requestTimeoutMs: 60_000 })
    expect(sectionOf({})).not.toHaveProperty('speed')
  })

  it('has a name in the environment for each option, of its own ones too, read as what they are', () => {
    const env = {
      POLLED_SPEECH_VOICE: 'bella',
      POLLED_SPEECH_SPEED: '1.5',
      POLLED_SPEECH_LOUD: 'true',
      POLLED_SPEECH_MAX_TASKS_IN_FLIGHT: '3',
      POLLED_SPEECH_DOWNLOAD_HOSTS: 'a.internal,b.internal',
    }
    expect(sectionOf(env)).toMatchObject({
      voice: 'bella',
      speed: 1.5,
      loud: true,
      maxTasksInFlight: 3,
      downloadHosts: ['a.internal', 'b.internal'],
    })
  })

  it.each([
    [{ POLLED_SPEECH_SPEED: 'fast' }, 'speed', 'Correct POLLED_SPEECH_SPEED in the environment.'],
    [{ POLLED_SPEECH_API_KEY: 'k' }, 'baseUrl', 'Set POLLED_SPEECH_BASE_URL in the environment.'],
    [{ POLLED_SPEECH_DEADLINE_SECONDS: '100' }, 'deadlineSeconds', 'Correct POLLED_SPEECH_DEADLINE_SECONDS'],
  ])('says what is wrong with %j', (env, option, remedy) => {
    expect(() => sectionOf(env)).toThrow(`integrations.polledSpeech.${option}: `)
    expect(() => sectionOf(env)).toThrow(remedy)
  })

  it('has a simulator stand in where there is no key', () => {
    const inUse = (env: Record<string, string>) =>
      simulatorsInUse(loadConfig({ mode: 'local', env }).integrations).map(({ integration }) => integration)
    expect(inUse({})).toContain('polledSpeech')
    expect(inUse({})).not.toContain('wordCount')
    const key = { POLLED_SPEECH_API_KEY: 'k', POLLED_SPEECH_BASE_URL: 'https://speech.example' }
    expect(inUse(key)).not.toContain('polledSpeech')
  })
})

describe('main', () => {
  let main: TestMain
  beforeAll(async () => {
    main = await startTestMain()
  })
  afterAll(() => main.stop())

  it('takes a task, with an entity of the integration’s own, and shows it', async () => {
    const { status, body } = await main.post('/api/polledSpeech/create', { text: 'hello', dueAt: 1 })
    expect({ status, body }).toMatchObject({ status: 200, body: { taskId: expect.any(String) } })
    expect((await main.get(`/api/polledSpeech/tasks/${body.taskId}`)).body).toMatchObject({ status: 'pending' })
    const { body: fetched } = await main.internalGet('/api/polledSpeech/fetchPendingTasks')
    expect(fetched.tasks).toMatchObject([{ taskKey: body.taskId, requestParams: { text: 'hello' } }])
  })

  it('refuses what the schema refuses, by its field', async () => {
    expect(await main.post('/api/wordCount/create', { text: '' })).toMatchObject({
      status: 400,
      body: { fields: [{ field: 'text' }] },
    })
  })

  it('has its APIs, and manual handles where there is a provider to wait for', async () => {
    const { paths } = (await main.get('/openapi.json')).body
    const of = (namespace: string) =>
      Object.keys(paths).flatMap((path) => (path.startsWith(`/api/${namespace}/`) ? path.split('/').slice(3) : []))
    const all = ['create', 'fetchPendingTasks', 'runsToCheck', 'cancelTask', 'retryTask', 'tasks']
    expect(of('polledSpeech')).toEqual(
      expect.arrayContaining([...all, 'reportPolledSpeechResult', 'queryPolledSpeechStatus', 'stopPolling']),
    )
    expect(of('wordCount')).toEqual(expect.arrayContaining([...all, 'reportWordCountResult']))
    expect(of('wordCount')).not.toContain('stopPolling')
  })
})
