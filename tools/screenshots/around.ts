/** What is around made-up tasks, for pictures of the console: daemons that ask for them, and what they cost. */
import { noteDaemons } from '../../tasks/daemon-rows.js'
import { databaseOf, inTransaction } from '../../tasks/database/sql.js'
import { SPEND } from '../../tasks/spend.js'
import type { TestMain } from '../../tests/support/main.js'

export const PRICES = {
  ARK_PRICES: JSON.stringify({ currency: 'CNY', create: '1.60' }),
  ARK_BUDGET: JSON.stringify({ perDay: '400', perMonth: '8000' }),
  IMAGE_PRICES: JSON.stringify({ currency: 'USD', create: '0.04' }),
}

const APIS = ['Nanobanana2APICall', 'FangzhouVideoAPICall', 'TestAsyncTaskAPICall']
/** The last one hangs. */
const DAEMONS = [
  ['worker-1-7-mfk2x0', 2],
  ['worker-2-7-mfk2x9', 4],
  ['worker-3-7-mfk31c', 190],
] as const
/** What a task costs in micro-units, and whose they are, in shares of a day's. */
const SPENT = [
  { apiCall: 'FangzhouVideoAPICall', currency: 'CNY', price: 1_600_000, tasks: 150 },
  { apiCall: 'Nanobanana2APICall', currency: 'USD', price: 40_000, tasks: 320 },
]
const SHARES = { anna: 0.34, ben: 0.27, cleo: 0.2, dmitri: 0.12, emil: 0.07 }
const DAYS = 30

export async function plantAround({ component: { controller } }: TestMain): Promise<void> {
  const notes = DAEMONS.flatMap(([name, ago]) =>
    APIS.map((apiCall) => ({
      ...{ apiCall, name, version: '0.2.0', state: 'running' as const },
      ...{ seenAgo: ago, askedAgo: ago, parkedFor: ago < 60 ? 600 : null },
    })),
  )
  await inTransaction(controller, 'daemons', () => noteDaemons(controller, notes))
  const rows: string[] = []
  for (const { apiCall, currency, price, tasks } of SPENT) {
    const months = new Map<string, number>()
    for (let ago = 0; ago < DAYS; ago += 1) {
      const day = new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10)
      const charged = price * Math.round(tasks * (1 + 0.35 * Math.sin(ago * 1.3)) * (ago % 7 > 4 ? 0.4 : 1))
      rows.push(row(apiCall, '*', day, currency, charged, ago === 3 ? 2 * price : 0))
      months.set(day.slice(0, 7), (months.get(day.slice(0, 7)) ?? 0) + charged)
    }
    for (const [month, charged] of months) {
      rows.push(row(apiCall, '*', month, currency, charged, 2 * price))
      for (const [user, share] of Object.entries(SHARES)) {
        rows.push(row(apiCall, `=${user}`, month, currency, price * Math.round((share * charged) / price), 0))
      }
    }
  }
  await databaseOf(controller).scheme(`INSERT INTO ${SPEND} VALUES ${rows.join(', ')}`)
}

function row(apiCall: string, who: string, period: string, currency: string, charged: number, ambiguous: number) {
  return `('${apiCall}', '${who}', '${period}', '${currency}', 0, ${charged}, ${ambiguous})`
}
