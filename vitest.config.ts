import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const shared = {
  environment: 'node',
  // Temporal's native client lives in a process, not in a thread.
  pool: 'forks',
  // Generous: what is slow is the machine. A worker that bundles its workflows takes seconds on an idle one.
  testTimeout: 120_000,
  hookTimeout: 180_000,
  expect: { poll: { timeout: 60_000 } },
} as const
const resolve = { alias: { '@': fileURLToPath(new URL('.', import.meta.url)).replace(/\/$/, '') } }

/** Suites that start whole processes, or measure time: one after another, when the others are done. */
const wholeSystem = [
  'tests/e2e/**/*.test.ts',
  'tests/performance/**/*.test.ts',
  'tests/stress/**/*.test.ts',
  'tests/terminal/**/*.test.ts',
  'tests/test-async-task-component.ts',
  'tests/chaos/chaos-run.test.ts',
  'tests/money/money.test.ts',
]

export default defineConfig({
  test: {
    globalSetup: 'tests/support/global-setup.ts',
    reporters: ['default', './tests/support/summary-reporter.ts'],
    maxWorkers: 2,
    projects: [
      {
        resolve,
        test: {
          ...shared,
          name: 'parts',
          include: ['tests/**/*.test.ts'],
          exclude: wholeSystem,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        resolve,
        test: {
          ...shared,
          name: 'system',
          include: wholeSystem,
          maxWorkers: 1,
          testTimeout: 420_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
