/**
 * The configuration: its files, what the environment fills in, and what is said of what is wrong. One file, as they
 * share the folder that they write.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { CANCEL_AFTER } from '@/async-task-component/integration-worker.js'
import { ConfigError, config, loadConfig } from '@/config.js'
import { withoutOthers } from '../support/own-integrations.js'

const TOKEN = 'a-token-of-some-length'
/** Everything production asks for. */
const production: Record<string, string> = {
  INTERNAL_API_TOKEN: TOKEN,
  DATABASE_URL: 'postgres://database/app',
  MAIN_PUBLIC_URL: 'https://app.example.org',
  API_TOKENS: 'anna:a-token-of-annas-own',
  ARK_API_KEY: 'ark-key',
  ARK_MODEL: 'ark-model',
  IMAGE_API_KEY: 'image-key',
  IMAGE_BASE_URL: 'https://images.example/v1',
  IMAGE_MODEL: 'image-model',
  ...withoutOthers,
}

let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'config-'))
  for (const file of ['app.config.json', 'deploy.dev.json', 'deploy.prod.json']) cpSync(file, join(root, file))
})

afterEach(() => rmSync(root, { recursive: true, force: true }))

/** Sets one field, `components.main.port`, of a configuration file in the temporary folder. */
function set(file: string, path: string, value: unknown): void {
  const location = join(root, file)
  const content = JSON.parse(readFileSync(location, 'utf8'))
  const keys = path.split('.')
  const last = keys.pop() as string
  // biome-ignore lint/suspicious/noExplicitAny: a JSON file.
  const holder = keys.reduce((object: any, key) => (object[key] ??= {}), content)
  holder[last] = value
  writeFileSync(location, JSON.stringify(content))
}

function problemsOf(load: () => unknown): ConfigError['problems'] {
  try {
    load()
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' })
    return (error as ConfigError).problems
  }
  throw new Error('the configuration was accepted')
}

describe('the files of this repository', () => {
  test('make a usable configuration on a machine with no variables set', () => {
    const { components, mode } = loadConfig({ env: {} })
    expect(mode).toBe('local')
    expect(components.asyncTask.temporal).toEqual({ address: '127.0.0.1:7233', namespace: 'default' })
    expect(components.asyncTask.pullMode).toMatchObject({ enabled: true, pollIntervalMs: 1000, batchSize: 10 })
    expect(components.asyncTask.internalApiToken).toBeUndefined()
    expect(components.main.tasks).toEqual({ maxAttempts: 5, stuckTimeoutSeconds: 300 })
  })

  test('are what `config` was loaded from', () => {
    expect(config.components.asyncTask.temporal.address).toBe(process.env.TEMPORAL_ADDRESS || '127.0.0.1:7233')
  })

  test('are overlaid by the mode, object by object', () => {
    const { INTERNAL_API_TOKEN, API_TOKENS } = production
    const { components } = loadConfig({ env: { CONFIG_MODE: 'dev', INTERNAL_API_TOKEN, API_TOKENS } })
    expect(components.main).toMatchObject({ host: '0.0.0.0', port: 3000 })
    expect(components.asyncTask.temporal).toEqual({ address: 'temporal:7233', namespace: 'default' })
  })
})

test('every option is in docs/configuration.md', () => {
  const options = (value: object, path = ''): string[] =>
    Object.entries(value).flatMap(([key, inner]) =>
      typeof inner === 'object' && !Array.isArray(inner) ? options(inner, `${path}${key}.`) : [`${path}${key}`],
    )
  const { components, integrations } = loadConfig({ env: production })
  const names = options(components).map((path) => path.split('.').slice(1).join('.'))
  names.push(...options(integrations).map((path) => path.split('.').slice(1).join('.')))
  const documented = readFileSync('docs/configuration.md', 'utf8')
  expect(names.length).toBeGreaterThan(30)
  expect(names.filter((name) => !documented.includes(`| \`${name}\``))).toEqual([])
})

describe('the environment', () => {
  test('fills in variables, and their defaults where they are not set or empty', () => {
    const { components } = loadConfig({
      env: { INTERNAL_API_TOKEN: TOKEN, TEMPORAL_ADDRESS: '', MAIN_LISTEN_PORT: '0' },
    })
    expect(components.main.internalApiToken).toBe(TOKEN)
    expect(components.asyncTask.temporal.address).toBe('127.0.0.1:7233')
    expect(components.main.port).toBe(0)
  })

  test('fills in variables inside longer strings', () => {
    set('app.config.json', 'components.main.url', 'http://${HOST}:${MAIN_LISTEN_PORT:-3000}/x')
    expect(loadConfig({ root, env: { HOST: 'main' } }).components.main.url).toBe('http://main:3000/x')
  })

  test('gives numbers and booleans where the option is one, and text where it is text', () => {
    set('app.config.json', 'components.asyncTask.pullMode', { enabled: '${PULL:-true}', batchSize: '${BATCH}' })
    set('app.config.json', 'components.asyncTask.internalApiToken', '${DIGITS}')
    const { asyncTask } = loadConfig({
      root,
      env: { PULL: 'false', BATCH: '7', DIGITS: '1234567890123456' },
    }).components
    expect(asyncTask.pullMode).toMatchObject({ enabled: false, batchSize: 7 })
    expect(asyncTask.internalApiToken).toBe('1234567890123456')
    expect(problemsOf(() => loadConfig({ root, env: { BATCH: 'many' } }))).toEqual([
      expect.objectContaining({
        path: 'components.asyncTask.pullMode.batchSize',
        remedy: 'Correct BATCH in the environment.',
      }),
    ])
  })

  test.each([' ', '0x', 'true', '1e999', null, true])('gives no number where there is none: %j', (batchSize) => {
    set('app.config.json', 'components.asyncTask.pullMode', { batchSize })
    expect(problemsOf(() => loadConfig({ root, env: {} }))).toEqual([
      expect.objectContaining({ path: 'components.asyncTask.pullMode.batchSize' }),
    ])
  })

  test.each(['no', '0', 'FALSE', 1, null])('gives no boolean where there is none: %j', (enabled) => {
    set('app.config.json', 'components.asyncTask.pullMode', { enabled })
    expect(problemsOf(() => loadConfig({ root, env: {} }))).toEqual([
      expect.objectContaining({ path: 'components.asyncTask.pullMode.enabled' }),
    ])
  })

  test('leaves a field out whose variable is not set, and names the variable where the field is needed', () => {
    set('app.config.json', 'components.main.url', 'http://${MAIN_HOST}:3000')
    expect(problemsOf(() => loadConfig({ root, env: {} }))).toEqual([
      { path: 'components.main.url', message: 'is missing', remedy: 'Set MAIN_HOST in the environment.' },
    ])
  })
})

describe('mistakes', () => {
  test('are reported all at once, each with its path and remedy', () => {
    set('app.config.json', 'components.main.prot', 3000)
    set('app.config.json', 'components.main.url', undefined)
    set('app.config.json', 'components.asyncTask.pullMode', { batchSize: 0 })
    const problems = problemsOf(() => loadConfig({ root, env: { MAIN_LISTEN_PORT: '70000' } }))
    expect(problems.map(({ path, remedy }) => [path, remedy])).toEqual([
      ['components.main.port', 'Correct MAIN_LISTEN_PORT in the environment.'],
      ['components.main.url', 'Add it to app.config.json.'],
      ['components.main.prot', 'Remove it from app.config.json, or correct its name.'],
      ['components.asyncTask.pullMode.batchSize', 'Correct it in app.config.json.'],
    ])
  })

  test.each([
    ['uncheckedForSeconds', 86_401, 86_400],
    ['reconcileIntervalMs', 86_400_001, 86_400_000],
    ['pollIntervalMs', 2 ** 31, 86_400_000],
  ])('are times that are too long: %s', (option, tooLong, longest) => {
    const path = `components.asyncTask.pullMode.${option}`
    set('app.config.json', path, tooLong)
    expect(problemsOf(() => loadConfig({ root, env: {} }))).toEqual([expect.objectContaining({ path })])
    set('app.config.json', path, longest)
    expect(loadConfig({ root, env: {} }).components.asyncTask.pullMode).toMatchObject({ [option]: longest })
  })

  test('in an overlay name the overlay', () => {
    set('deploy.dev.json', 'components.main.port', -1)
    expect(problemsOf(() => loadConfig({ root, mode: 'dev', env: { INTERNAL_API_TOKEN: TOKEN } }))).toEqual([
      expect.objectContaining({ path: 'components.main.port', remedy: 'Correct it in deploy.dev.json.' }),
    ])
  })

  test('never repeat a value, which may be a secret', () => {
    const secret = 'tooshort-s3cret'
    const load = () => loadConfig({ env: { INTERNAL_API_TOKEN: secret } })
    expect(load).toThrow(/at least 16 characters.*Correct INTERNAL_API_TOKEN/)
    expect(load).not.toThrow(secret)
  })

  test('in a mode name the modes', () => {
    expect(problemsOf(() => loadConfig({ env: { CONFIG_MODE: 'staging' } }))).toEqual([
      { path: 'CONFIG_MODE', message: 'is not known: staging', remedy: 'Use one of: local, dev, prod.' },
    ])
  })

  test('in a file that is no JSON name the file', () => {
    writeFileSync(join(root, 'app.config.json'), '{')
    expect(problemsOf(() => loadConfig({ root, env: {} }))).toEqual([
      expect.objectContaining({ path: 'app.config.json' }),
    ])
  })
})

describe('production', () => {
  test('starts with a token and the keys of the providers in use', () => {
    const { components } = loadConfig({ mode: 'prod', env: production })
    expect(components.asyncTask).toMatchObject({ internalApiToken: TOKEN, shutdownGraceMs: 240_000 })
  })

  test('has time at a stop for the longest request, and Kubernetes for the stop', () => {
    const { components, integrations } = loadConfig({ mode: 'prod', env: production })
    const { fangzhouVideoGeneration: video, nanobanana2ImageGeneration: image } = integrations
    const { shutdownGraceMs } = components.asyncTask
    // What a request has beyond its own time: an answer that comes last is stored.
    const longestMs = Math.max(video.requestTimeoutMs, image.requestTimeoutMs) + 10_000
    expect(shutdownGraceMs * CANCEL_AFTER).toBeGreaterThan(longestMs)

    const manifest = readFileSync('deploy/kubernetes/base/async-task.yaml', 'utf8')
    const graceSeconds = Number(/terminationGracePeriodSeconds: (\d+)/.exec(manifest)?.[1])
    expect(graceSeconds * 1000).toBeGreaterThan(shutdownGraceMs)
  })

  test('is refused without what it needs, all named at once', () => {
    expect(problemsOf(() => loadConfig({ mode: 'prod', env: withoutOthers })).map(({ path }) => path)).toEqual([
      'components.main.auth.mode',
      'components.main.internalApiToken',
      'components.asyncTask.internalApiToken',
      'components.main.publicUrl',
      'components.main.database.url',
      'integrations.fangzhouVideoGeneration.apiKey',
      'integrations.nanobanana2ImageGeneration.apiKey',
    ])
  })

  test('needs no key of an integration that is disabled', () => {
    set('deploy.prod.json', 'integrations.fangzhouVideoGeneration.enabled', false)
    const { ARK_API_KEY: _, ...env } = production
    expect(loadConfig({ root, mode: 'prod', env }).integrations.fangzhouVideoGeneration.enabled).toBe(false)
  })

  test('refuses a deadline before which no lost create can be settled', () => {
    set('app.config.json', 'integrations.fangzhouVideoGeneration.deadlineSeconds', 120)
    expect(problemsOf(() => loadConfig({ root, env: {} }))).toMatchObject([
      { path: 'integrations.fangzhouVideoGeneration.deadlineSeconds', message: expect.stringContaining('120') },
    ])
  })

  test.each([
    ['main', 'components.main.database.url', 'DATABASE_URL'],
    ['main', 'components.main.publicUrl', 'MAIN_PUBLIC_URL'],
    ['asyncTask', 'components.main.publicUrl', 'MAIN_PUBLIC_URL'],
  ])('is refused to %s without %s, with the remedy', (component, path, variable) => {
    const env = { ...production, [variable]: '' }
    expect(problemsOf(() => loadConfig({ mode: 'prod', component, env }))).toEqual([
      {
        path,
        message: expect.stringContaining('is needed in production'),
        remedy: expect.stringMatching(`^Set ${variable}`),
      },
    ])
  })

  test('asks main for no provider key', () => {
    const { ARK_API_KEY: _, IMAGE_API_KEY: __, ...env } = production
    expect(loadConfig({ mode: 'prod', component: 'main', env }).mode).toBe('prod')
  })

  test('asks the daemon for no database', () => {
    const { DATABASE_URL: _, ...env } = production
    expect(loadConfig({ mode: 'prod', component: 'asyncTask', env }).mode).toBe('prod')
  })
})

describe('a shared development deployment', () => {
  test.each(['main', 'asyncTask'])(
    'is refused to %s without a token: each machine would make up another',
    (component) => {
      expect(
        problemsOf(() => loadConfig({ mode: 'dev', component, env: { API_TOKENS: production.API_TOKENS } })),
      ).toEqual([
        {
          path: `components.${component}.internalApiToken`,
          message: 'is needed in mode dev: only in mode local is one made up',
          remedy: expect.stringMatching(/^Set INTERNAL_API_TOKEN/),
        },
      ])
    },
  )

  test('starts with tokens alone', () => {
    const { INTERNAL_API_TOKEN, API_TOKENS } = production
    const { components } = loadConfig({ mode: 'dev', env: { INTERNAL_API_TOKEN, API_TOKENS } })
    expect(components.main.publicUrl).toBeUndefined()
  })
})
