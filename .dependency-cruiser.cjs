/**
 * The rules of imports, which `npm run check` holds. Imports run downwards:
 *
 *   lib, protocol < tasks, artifacts < provider-kit < integrations < config < application <
 *   main-component | async-task-component < package < this repository's own application
 *   lib < simulator < testing: what those who write integrations test with
 *
 * Imports of types count too. What a process loads is held by tests that forbid it: `forbid-databases.mjs` in the
 * daemon, `forbid-native-core.mjs` in main; and Temporal's bundler refuses workflows that load Node's modules.
 */
const layer = (name, path, allowed) => ({
  name: `${name}-imports-downwards`,
  comment: `${name} may import ${allowed.join(', ') || 'nothing of this repository'} beside its own`,
  severity: 'error',
  from: { path },
  to: { path: PRODUCT, pathNot: [path, ...allowed.map((folder) => `^${folder}`)] },
})
const PRODUCT =
  '^(lib|client|protocol|tasks|artifacts|provider-kit|integrations|config|application|backend|main-component|async-task-component|package|simulator|testing)/|^(application|config|start\\w+)\\.ts$'
/** This repository's application: the first user of what the others export. */
const APPLICATION = '^(backend|integrations/entries)/|^(application|config|config/load|start\\w+)\\.ts$'
/** An integration's own folder. */
const INTEGRATION = '^integrations/(?!entries/)[^/]+/'
const WORKFLOWS = '^(provider-kit/workflow/|integrations/[^/]+/workflows/)'

module.exports = {
  forbidden: [
    {
      name: 'console-is-for-browsers',
      comment: 'Its modules import each other, Preact and htm; answers.ts also the types of main’s answers',
      severity: 'error',
      from: { path: '^main-component/console/page/', pathNot: '^main-component/console/page/answers\\.ts$' },
      to: { pathNot: ['^main-component/console/page/', 'node_modules/(preact|htm)/'] },
    },
    {
      name: 'no-circles',
      comment: 'Of files that import each other none can be read alone',
      severity: 'error',
      from: { pathNot: '^tests/' },
      to: { circular: true },
    },
    layer('lib', '^lib/', []),
    layer('client', '^client/', []),
    layer('protocol', '^protocol/', ['lib/']),
    layer('tasks', '^tasks/', ['lib/', 'protocol/']),
    layer('artifacts', '^artifacts/', ['lib/', 'protocol/']),
    layer('provider-kit', '^provider-kit/', ['lib/', 'protocol/', 'artifacts/']),
    layer('package', '^package/', [
      'lib/',
      'client/',
      'protocol/',
      'tasks/',
      'artifacts/',
      'provider-kit/',
      'integrations/[^/]+\\.ts$',
      'config/(?!load\\.ts)',
      'application/',
      'main-component/',
      'async-task-component/',
      'simulator/own\\.ts$',
    ]),
    {
      name: 'application-uses-what-is-exported',
      comment: 'As any application would: what it needs, package/ exports',
      severity: 'error',
      from: { path: APPLICATION },
      to: { path: PRODUCT, pathNot: [APPLICATION, INTEGRATION, '^package/'] },
    },
    {
      name: 'product-knows-no-application',
      severity: 'error',
      from: { path: PRODUCT, pathNot: APPLICATION },
      to: { path: APPLICATION },
    },
    layer('integrations', '^integrations/(?!entries/)', [
      ...['lib/', 'protocol/', 'tasks/', 'artifacts/', 'provider-kit/'],
      'simulator/index\\.ts$',
    ]),
    layer('config', '^config/(?!load)', [
      'lib/',
      'protocol/',
      'artifacts/config\\.ts$',
      'provider-kit/provider/config\\.ts$',
    ]),
    layer('application', '^application/', ['protocol/', 'provider-kit/', 'integrations/[^/]+\\.ts$', 'config/']),
    layer('main-component', '^main-component/', [
      'lib/',
      'protocol/',
      'tasks/',
      'artifacts/',
      'integrations/(index|pull-integration)\\.ts$',
      'config/',
      'application/',
    ]),
    layer('async-task-component', '^async-task-component/', [
      'lib/',
      'protocol/',
      'provider-kit/',
      'integrations/index\\.ts$',
      'config/',
      'application/',
      'artifacts/index\\.ts$',
    ]),
    {
      name: 'integrations-do-not-know-each-other',
      severity: 'error',
      from: { path: '^integrations/([^/]+)/', pathNot: '^integrations/entries/' },
      to: { path: '^integrations/[^/]+/', pathNot: '^integrations/$1/' },
    },
    layer('simulator', '^simulator/', ['lib/', 'provider-kit/definition/define\\.ts$']),
    layer('testing', '^testing/', [
      ...['lib/', 'protocol/', 'artifacts/', 'provider-kit/', 'simulator/', 'integrations/index\\.ts$'],
      'async-task-component/(bundle-cache|workflow-bundle)\\.ts$',
    ]),
    {
      name: 'only-simulators-simulate',
      comment: 'Of an integration, simulator.ts alone; and the command that runs it',
      severity: 'error',
      from: {
        path: PRODUCT,
        pathNot: '^(simulator|testing)/|^integrations/[^/]+/simulator\\.ts$|^package/simulator\\.ts$',
      },
      to: { path: '^(simulator|testing)/' },
    },
    {
      name: 'tools-and-tests-are-not-shipped',
      severity: 'error',
      from: { path: PRODUCT },
      to: { path: '^(tools|tests)/' },
    },
    {
      name: 'workflows-are-deterministic',
      comment: 'Of activities, workflow code imports the types only',
      severity: 'error',
      from: { path: WORKFLOWS },
      to: {
        pathNot: [
          WORKFLOWS,
          '^(protocol/|lib/backoff\\.ts$)',
          '^provider-kit/main-reports\\.ts$',
          '^integrations/[^/]+/(schemas|activities/index)\\.ts$',
          'node_modules/@temporalio/(workflow|common)/',
        ],
      },
    },
    {
      name: 'main-has-no-native-core',
      comment: 'It takes 74 MB: main asks Temporal by the client alone',
      severity: 'error',
      from: {
        path: '^(lib|client|protocol|tasks|artifacts|provider-kit|integrations|config|application|main-component)/',
      },
      to: { path: 'node_modules/@temporalio/(worker|core-bridge|testing)/' },
    },
    {
      name: 'traces-are-optional',
      comment: 'Where none are sent, nothing of OpenTelemetry but its API is loaded',
      severity: 'error',
      from: {
        path: PRODUCT,
        pathNot: '^lib/tracing-sdk\\.ts$',
      },
      to: { path: 'node_modules/@opentelemetry/(?!api/)' },
    },
    {
      name: 'daemon-has-no-database',
      severity: 'error',
      from: { path: '^(protocol|artifacts|provider-kit|async-task-component)/' },
      to: { path: 'node_modules/(interaqt|pg|@electric-sql)/' },
    },
  ],
  options: {
    // TypeScript 7 has no interface for other programs yet.
    parser: 'swc',
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(vendor|\\.data|\\.cache)/' },
    cache: { folder: '.cache/dependency-cruiser', strategy: 'content' },
  },
}
