/** A process's Prometheus metrics: made of what declares them, and read as OpenMetrics text. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { packageVersion } from './package-version.js'

/** One metric, as `docs/metrics.md` shows it. */
export interface MetricDeclaration<Type = 'counter' | 'gauge' | 'histogram', Label extends string = string> {
  type: Type
  labels: readonly Label[]
  help: string
}

export type MetricDeclarations = Readonly<Record<string, MetricDeclaration>>

function declare<const Type>(type: Type) {
  return <const Label extends string>(labels: readonly Label[], help: string): MetricDeclaration<Type, Label> => ({
    type,
    labels,
    help,
  })
}

export const counter = declare('counter')
export const gauge = declare('gauge')
export const histogram = declare('histogram')

/** Of every process; `buildInfo` gives its labels. */
export const BUILD_INFO = {
  asynctask_build_info: gauge(['component', 'version', 'node'], 'Always 1. The labels tell what runs.'),
}

type Labels<D extends MetricDeclaration> = D['labels'][number]

type Metric<D extends MetricDeclaration> = {
  counter: Counter<Labels<D>>
  gauge: Gauge<Labels<D>>
  histogram: Histogram<Labels<D>>
}[D['type']]

export interface Metrics<D extends MetricDeclarations> {
  of: { readonly [Name in keyof D]: Metric<D[Name]> }
  /** Runs before each answer: it sets what is looked up, rather than counted. */
  beforeRead(look: () => void | Promise<void>): void
  /** The metrics as text of the type `OPENMETRICS`. */
  read(): Promise<string>
  /** The same, until it is stopped: then nothing is counted any more. */
  serve(endListening: Array<() => void>): ServedMetrics
}

export interface ServedMetrics {
  /** OpenMetrics text. */
  read(): Promise<string>
  stop(): void
}

export const OPENMETRICS = Registry.OPENMETRICS_CONTENT_TYPE

/** In seconds: tasks take from milliseconds to an hour. */
const DURATION_BUCKETS = [0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600]

export function createMetrics<const D extends MetricDeclarations>(declarations: D): Metrics<D> {
  const registry = newRegistry()
  const looks: Array<() => void | Promise<void>> = []
  const made = Object.entries(declarations).map(([name, { type, help, labels }]) => {
    const shared = { name, help, labelNames: [...labels], registers: [registry] }
    if (type === 'counter') return [name, new Counter(shared)] as const
    if (type === 'gauge') return [name, new Gauge(shared)] as const
    return [name, new Histogram({ ...shared, buckets: DURATION_BUCKETS })] as const
  })
  const read = async () => {
    for (const look of looks) await look()
    const [own, ofProcess] = await Promise.all([registry.metrics(), processMetrics().metrics()])
    return own.replace(/# EOF\n$/, '') + ofProcess
  }
  return {
    of: Object.fromEntries(made) as Metrics<D>['of'],
    beforeRead: (look) => void looks.push(look),
    read,
    serve: (endListening) => ({
      read,
      stop: () => {
        for (const end of endListening) end()
      },
    }),
  }
}

function newRegistry() {
  const registry = new Registry<typeof OPENMETRICS>()
  registry.setContentType(OPENMETRICS)
  return registry
}

let ofProcess: ReturnType<typeof newRegistry> | undefined

/** Memory, CPU, garbage collection, event-loop delay: measured once per process, from the first time it is asked. */
function processMetrics() {
  if (ofProcess) return ofProcess
  ofProcess = newRegistry()
  collectDefaultMetrics({ register: ofProcess })
  return ofProcess
}

/** The labels of `asynctask_build_info`. */
export function buildInfo(component: string) {
  return { component, version: packageVersion(), node: process.version }
}

const MOST_VALUES = 50
const CODE = /^[\w.:-]{1,80}$/

/**
 * Keeps a label's values few: codes come from providers and applications. The first fifty of each owner keep their
 * names, all others are `other`.
 */
export function boundedCodes(): (owner: string, code: string) => string {
  const known = new Map<string, Set<string>>()
  return (owner, code) => {
    const codes = known.get(owner) ?? new Set()
    known.set(owner, codes)
    if (codes.has(code)) return code
    if (codes.size >= MOST_VALUES || !CODE.test(code)) return 'other'
    codes.add(code)
    return code
  }
}

/** Sets a gauge to 1 for the one value of a label that is so, and to 0 for the others. */
export function setState<Label extends string>(
  gauge: Gauge<Label>,
  label: Label,
  values: readonly string[],
  current: string | null,
  others: Partial<Record<Label, string>>,
): void {
  for (const value of values) {
    gauge.set({ ...others, [label]: value } as Partial<Record<Label, string>>, Number(value === current))
  }
}
