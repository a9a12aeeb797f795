import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { LongestFirst } from './tests/support/longest-first.js'

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

const full = 'tests/**/*.full.test.ts'
/** One more than the cores of a small machine: the end-to-end test and the chaos run mostly wait. */
const quickWorkers = 3
/**
 * Files with a process each. The others take turns in a few: what they load takes longer than most of their tests.
 * They replace no modules, and leave everything as they found it.
 */
const alone = [
  'tests/{config,e2e,integrations,workflows}/**/*.test.ts',
  'tests/async-task-component/{task-processor,workflow-collector}*.test.ts',
  'tests/tools/chaos/chaos-run.test.ts',
  'tests/test-async-task-component.ts',
]
/** Suites that start whole processes for minutes, or measure time: one after another, when the others are done. */
const wholeSystem = ['tools/chaos', 'money', 'performance', 'stress', 'terminal'].map(
  (dir) => `tests/${dir}/**/*.full.test.ts`,
)

/** `npm test` is the projects `quick` and `quick-alone`. `npm run test:full` is the others: what `*.full.test.ts` says by its name. */
export default defineConfig({
  test: {
    globalSetup: 'tests/support/global-setup.ts',
    reporters: ['default', './tests/support/summary-reporter.ts'],
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        resolve,
        test: {
          ...shared,
          name: 'quick',
          include: ['tests/**/*.test.ts'],
          exclude: [full, ...alone],
          isolate: false,
          maxWorkers: quickWorkers,
          sequence: { groupOrder: 0 },
        },
      },
      {
        resolve,
        test: {
          ...shared,
          name: 'quick-alone',
          include: alone,
          exclude: [full],
          maxWorkers: quickWorkers,
          sequence: { groupOrder: 0 },
        },
      },
      {
        resolve,
        test: {
          ...shared,
          name: 'full',
          include: [full],
          exclude: wholeSystem,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        resolve,
        test: {
          ...shared,
          name: 'full-system',
          include: wholeSystem,
          maxWorkers: 1,
          testTimeout: 420_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
