/** A strict reader of OpenMetrics text 1.0: what Prometheus would refuse, or take for something else, throws. */

export interface Sample {
  name: string
  labels: Record<string, string>
  value: number
}

export interface Family {
  name: string
  type: string
  help: string
  samples: Sample[]
}

const SUFFIXES: Record<string, readonly string[]> = {
  counter: ['_total', '_created'],
  gauge: [''],
  histogram: ['_bucket', '_count', '_sum', '_created'],
  summary: ['', '_count', '_sum', '_created'],
  unknown: [''],
}
const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,(?=[a-zA-Z_])|$)/y
const NUMBER = /^([+-]?Inf|NaN|[+-]?\d+(\.\d+)?(e[+-]?\d+)?)$/i

export function parseOpenMetrics(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('does not end with a line feed')
  const lines = text.slice(0, -1).split('\n')
  if (lines.pop() !== '# EOF') throw new Error('does not end with # EOF')
  const families = new Map<string, Family>()
  let family: Family | undefined
  for (const line of lines) {
    const fail = (why: string): never => {
      throw new Error(`${why}: ${line}`)
    }
    if (line.startsWith('# ')) {
      const [, kind = '', name = '', rest = ''] = /^# (\w+) (\S+) (.*)$/.exec(line) ?? fail('is no metadata')
      if (!NAME.test(name)) fail('is no name')
      if (family?.name !== name) {
        if (families.has(name)) fail('a family comes twice')
        family = { name, type: '', help: '', samples: [] }
        families.set(name, family)
      }
      if (family.samples.length > 0) fail('metadata comes after samples')
      if (kind === 'TYPE') {
        if (family.type !== '' || !(rest in SUFFIXES)) fail('is no type, or a second one')
        family.type = rest
        if (rest === 'counter' && name.endsWith('_total')) fail("a counter's family is named without _total")
      } else if (kind === 'HELP') {
        if (family.help !== '') fail('is a second help')
        family.help = rest
      } else fail('is metadata of an unknown kind')
      continue
    }
    const [, name = '', inBraces, number = ''] = SAMPLE.exec(line) ?? fail('is no sample')
    const of = family ?? fail('a sample comes before its family')
    if (!(SUFFIXES[of.type] ?? []).some((suffix) => name === of.name + suffix)) fail(`is no sample of ${of.name}`)
    if (!NUMBER.test(number)) fail('has no number')
    of.samples.push({ name, labels: inBraces ? parseLabels(inBraces, fail) : {}, value: toNumber(number) })
  }
  for (const each of families.values()) checkFamily(each)
  return families
}

function parseLabels(text: string, fail: (why: string) => never): Record<string, string> {
  const labels: Record<string, string> = {}
  LABEL.lastIndex = 0
  while (LABEL.lastIndex < text.length) {
    const [, name = '', value = ''] = LABEL.exec(text) ?? fail('has labels that cannot be read')
    if (name in labels) fail(`has the label ${name} twice`)
    labels[name] = value
  }
  return labels
}

function toNumber(text: string): number {
  const infinite = /^([+-]?)Inf$/i.exec(text)
  return infinite ? Number(`${infinite[1]}Infinity`) : Number(text)
}

function checkFamily({ name, type, samples }: Family): void {
  const seen = new Set<string>()
  for (const sample of samples) {
    const key = `${sample.name} ${JSON.stringify(Object.entries(sample.labels).sort())}`
    if (seen.has(key)) throw new Error(`${name}: a series comes twice: ${key}`)
    seen.add(key)
    if (type === 'counter' && !(sample.value >= 0)) throw new Error(`${name}: a counter is negative`)
  }
  if (type === 'histogram') checkHistogram(name, samples)
}

function checkHistogram(name: string, samples: Sample[]): void {
  const series = new Map<string, { buckets: Array<[le: number, value: number]>; count?: number; sum?: number }>()
  for (const { name: sampleName, labels, value } of samples) {
    const { le, ...own } = labels
    const key = JSON.stringify(Object.entries(own).sort())
    const one = series.get(key) ?? { buckets: [] }
    series.set(key, one)
    if (sampleName.endsWith('_bucket')) one.buckets.push([toNumber(le ?? ''), value])
    if (sampleName.endsWith('_count')) one.count = value
    if (sampleName.endsWith('_sum')) one.sum = value
  }
  for (const [key, { buckets, count, sum }] of series) {
    const say = (why: string) => new Error(`${name} ${key}: ${why}`)
    if (count === undefined || sum === undefined) throw say('has no count or no sum')
    if (buckets.at(-1)?.[0] !== Number.POSITIVE_INFINITY) throw say('does not end with the bucket +Inf')
    if (buckets.at(-1)?.[1] !== count) throw say('its last bucket is not its count')
    buckets.reduce((before, bucket) => {
      if (!(bucket[0] > before[0] && bucket[1] >= before[1])) throw say('its buckets do not grow')
      return bucket
    })
  }
}

/** A series' value; undefined if there is none. */
export function sampleOf(text: string, name: string, labels: Record<string, string> = {}): number | undefined {
  const samples = [...parseOpenMetrics(text).values()].flatMap((family) => family.samples)
  const found = samples.find(
    (sample) =>
      sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  )
  return found?.value
}
