/**
 * The application's configuration: `app.config.json`, overlaid by `deploy.<mode>.json`, with `${NAME}` and
 * `${NAME:-default}` taken from the environment, checked by zod. All mistakes are reported at once.
 */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { integrationsConfigSchema } from './integrations/entries/config.js'

const MODES = ['local', 'dev', 'prod'] as const

const port = z.coerce.number().int().min(0).max(65_535)
const milliseconds = z.number().int().min(1)
const internalToken = z.string().min(16, 'must have at least 16 characters').optional()

const mainSchema = z.strictObject({
  host: z.string().default('127.0.0.1'),
  port: port.default(3000),
  /** Where the daemon and links to artifacts reach main. */
  url: z.url(),
  database: z.strictObject({
    /** A PostgreSQL URL. Without one, PGLite keeps the data in `dataDir`. */
    url: z.string().startsWith('postgres', 'must be a postgres:// URL').optional(),
    /** A folder, or `memory://`. */
    dataDir: z.string().default('.data/main'),
  }),
  internalApiToken: internalToken,
  /** Accepted beside `internalApiToken` while tokens are rotated. */
  previousInternalApiToken: internalToken,
  tasks: z
    .strictObject({
      /** Attempts a task has before it stays failed. */
      maxAttempts: z.number().int().min(1).max(100).default(5),
      /** How long a claim may stay queued before another daemon may take it over. */
      stuckTimeoutSeconds: z.number().min(1).default(300),
    })
    .prefault({}),
})

const asyncTaskSchema = z.strictObject({
  temporal: z.strictObject({ address: z.string().min(1), namespace: z.string().min(1).default('default') }),
  pullMode: z
    .strictObject({
      enabled: z.boolean().default(true),
      /** Pause between polls while tasks keep coming; grows to `maxPollIntervalMs` while none do. */
      pollIntervalMs: milliseconds.default(1000),
      maxPollIntervalMs: milliseconds.default(5000),
      /** Most tasks fetched at once, per integration. */
      batchSize: z.number().int().min(1).max(100).default(10),
      /** Workflow starts under way at once, per integration. */
      startConcurrency: z.number().int().min(1).max(100).default(8),
      /** Most tasks that may wait in an integration's Temporal queues before claiming pauses. */
      maxBacklog: z.number().int().min(1).default(1000),
      requestTimeoutMs: milliseconds.default(10_000),
    })
    .prefault({}),
  internalApiToken: internalToken,
  /** How long a stop waits for work under way. */
  shutdownGraceMs: z.number().int().min(0).default(10_000),
})

const configSchema = z.strictObject({
  mode: z.enum(MODES),
  components: z.strictObject({
    main: mainSchema,
    asyncTask: asyncTaskSchema,
    artifacts: z.strictObject({ dir: z.string().default('.data/artifacts') }).prefault({}),
  }),
  integrations: integrationsConfigSchema,
})

export type AppConfig = z.infer<typeof configSchema>

export function loadConfig(env: NodeJS.ProcessEnv = process.env): AppConfig {
  const root = dirname(fileURLToPath(import.meta.url))
  const raw = JSON.parse(readFileSync(join(root, 'app.config.json'), 'utf8')) as object
  const substituted = JSON.parse(JSON.stringify(raw), (_key, value: unknown) => {
    if (typeof value !== 'string') return value
    const match = /^\$\{(\w+)(?::-(.*))?\}$/.exec(value)
    if (!match) return value
    return env[match[1] ?? ''] || match[2]
  }) as object
  return configSchema.parse({ mode: env.CONFIG_MODE ?? 'local', ...substituted })
}

export const config = loadConfig()
