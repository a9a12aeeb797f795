/** Main's HTTP app over APIs of a test: without a database, and open to everybody. */
import { Controller } from 'interaqt'
import pino from 'pino'
import type { API } from '@/lib/api.js'
import { Admission } from '@/main-component/admission.js'
import { createAuthentication } from '@/main-component/authentication.js'
import { ConsoleSessions } from '@/main-component/console/sessions.js'
import { createHTTPApp } from '@/main-component/http-app.js'

export function createBareApp(apis: API[], stopping = new AbortController().signal) {
  return createHTTPApp({
    apis,
    middlewares: [],
    controller: Object.create(Controller.prototype),
    deadLoops: new Set<string>(),
    metrics: { read: async () => '' },
    authentication: createAuthentication({ auth: { mode: 'anonymous' }, internalTokens: [], operatorToken: undefined }),
    sessions: new ConsoleSessions('a token of nobody'),
    admission: new Admission({ maxWaitMs: 4_000, maxBodyBytes: 1_048_576 }),
    stopping,
    artifacts: { dir: '.data' },
    url: 'http://main',
    logger: pino({ level: 'silent' }),
  })
}
