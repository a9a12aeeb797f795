import type { Database } from 'interaqt'

/** Sums up every row of every table, so that any change shows. What operators did is recorded of refused acts, too, and who asks of each request. */
export async function createDigest(database: Database): Promise<() => Promise<string>> {
  const tables = await database.query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'` +
      ` AND table_name NOT IN ('OperatorAct', 'TaskDaemon') ORDER BY 1`,
    [],
  )
  const sums = tables.map(({ name }) => `SELECT md5(t::text) AS sum FROM "${name}" t`)
  const sql = `SELECT count(*) || ':' || md5(string_agg(sum, ',' ORDER BY sum)) AS digest FROM (${sums.join(' UNION ALL ')}) rows`
  return async () => {
    const [row] = await database.query<{ digest: string }>(sql, [])
    if (!row?.digest) throw new Error('The database has no rows to sum up')
    return row.digest
  }
}
