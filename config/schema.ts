import { z } from 'zod'
import { artifactsConfigSchema } from '../artifacts/config.js'
import { fromText } from '../lib/from-text.js'
import { hostsSchema } from '../lib/public-url.js'
import { isWebhookSecret } from '../lib/standard-webhooks.js'
import { DEFAULT_TASK_POLICY } from '../protocol/index.js'
import type { LocalConfig, ProviderConfig } from '../provider-kit/provider/config.js'
import { authSchema, bearerToken, rejectSharedTokens } from './authentication.js'
import { MODES, type Mode } from './modes.js'
import { pullModeSchema } from './pull-mode.js'

const port = fromText(z.int().min(0).max(65_535))
const days = fromText(z.int().min(0).max(36_500))
const webhookSecret = z
  .string()
  .refine(isWebhookSecret, 'must be whsec_ and 24 to 64 random bytes in base64: echo whsec_$(openssl rand -base64 32)')
  .optional()
const internalToken = z.string().min(16, 'must have at least 16 characters').optional()

const mainSchema = z
  .strictObject({
    /** The address that main listens on. */
    host: z.string().default('127.0.0.1'),
    /** 0: a free one. */
    port: port.default(3000),
    /** Where the daemon reaches main. */
    url: z.url(),
    /** Where people reach main, for links to results. Default: `url`, except in production. */
    publicUrl: z.url().optional(),
    database: z.strictObject({
      /** A PostgreSQL URL. Without one, PGLite keeps the data in `dataDir`. */
      url: z.string().startsWith('postgres', 'must be a postgres:// URL').optional(),
      /** A folder, or `memory://`. */
      dataDir: z.string().default('.data/main'),
    }),
    /** Whether main, at its start, adds what its model has gained to the database, or refuses to start. */
    migrate: z.enum(['additive', 'never']).default('additive'),
    internalApiToken: internalToken,
    /** Also accepted while tokens are rotated. */
    previousInternalApiToken: internalToken,
    /** Opens the operators' APIs and shows every task. Without it, only the internal token does. */
    operatorToken: bearerToken.optional(),
    /** Where people find Temporal's UI, for links to runs. */
    temporalUiUrl: z.url().optional(),
    /** Who may read `/metrics`, besides the operator. */
    metrics: z
      .strictObject({
        /** Opens nothing else. */
        token: bearerToken.optional(),
        /** Anybody who reaches main. */
        allowAnonymous: fromText(z.boolean()).default(false),
      })
      .prefault({}),
    /** Who may call the public APIs. Default: anybody, which only `local` allows by itself. */
    auth: authSchema.prefault({}),
    /** Allows anonymous callers in `dev` and `prod`. */
    allowAnonymous: fromText(z.boolean()).default(false),
    /** Messages to the URLs that users name for the ends of their tasks. Without a secret, they can name none. */
    webhooks: z
      .strictObject({
        /** Signs the messages. */
        secret: webhookSecret,
        /** Also signs them while secrets are rotated. */
        previousSecret: webhookSecret,
        /** Hosts that may be in a private network, and be asked by plain HTTP. */
        privateHosts: hostsSchema.default([]),
      })
      .prefault({}),
    /** Admission limits; beyond them requests are answered 503, to be retried. */
    load: z
      .strictObject({
        /** How long a request may wait before it is begun. Below the daemon's `requestTimeoutMs`. */
        maxWaitMs: fromText(z.int().min(100).max(60_000)).default(4_000),
        /** Total bytes of the users' bodies in flight. One may be 1 MiB. */
        maxBodyBytes: fromText(z.int().min(1_048_576)).default(67_108_864),
      })
      .prefault({}),
    /** Days after which tasks that have ended are removed; 0: never. */
    retention: z
      .strictObject({
        completedDays: days.default(30),
        failedDays: days.default(90),
        cancelledDays: days.default(30),
        /** Whether stored results that no task names any more are kept or removed. */
        artifacts: z.enum(['keep', 'remove']).default('keep'),
      })
      .prefault({}),
    tasks: z
      .strictObject({
        /** Attempts before a task fails for good. */
        maxAttempts: fromText(z.int().min(1).max(100)).default(DEFAULT_TASK_POLICY.maxAttempts),
        /** The lease: how long a claim may stay queued before another daemon may take it over. */
        stuckTimeoutSeconds: fromText(z.number().min(1)).default(DEFAULT_TASK_POLICY.stuckTimeoutSeconds),
      })
      .prefault({}),
  })
  .superRefine(rejectSharedTokens)

const asyncTaskSchema = z.strictObject({
  temporal: z.strictObject({
    /** `host:port`. */
    address: z.string().min(1),
    namespace: z.string().min(1).default('default'),
  }),
  pullMode: pullModeSchema
    .extend({
      /** Whether tasks are pulled at all; the workers run either way. */
      enabled: fromText(z.boolean()).default(true),
    })
    .prefault({}),
  internalApiToken: internalToken,
  /** `GET /livez`, `/readyz`, `/startupz` and `/metrics`; without a port they are not served. */
  health: z.strictObject({ host: z.string().default('127.0.0.1'), port: port.optional() }).prefault({}),
  metrics: z
    .strictObject({
      /** What `/metrics` then asks for. */
      token: bearerToken.optional(),
      /** Where Temporal's SDK serves its own metrics, on the host of `health`. Without a port it measures nothing. */
      temporalPort: port.optional(),
    })
    .prefault({}),
  /** Graceful shutdown: how long a stop waits for work in flight. */
  shutdownGraceMs: fromText(z.int().min(0)).default(10_000),
})

const componentsSchema = z.strictObject({
  main: mainSchema,
  asyncTask: asyncTaskSchema,
  artifacts: artifactsConfigSchema.prefault({}),
})

/** @param integrations the schema of what the application's integrations bring */
export function configSchema<S>(integrations: z.ZodType<S>) {
  return z.strictObject({ mode: z.enum(MODES), components: componentsSchema, integrations })
}

/** An integration's section of the configuration, of whatever shape it is. */
export type Section = LocalConfig & Partial<ProviderConfig>

/** @template S the sections of the application's integrations, by name */
export interface AppConfig<S = Record<string, Section>> {
  mode: Mode
  components: z.output<typeof componentsSchema>
  integrations: S
}
