/** Loaded before main: its process is killed in the middle of what it does to the tables. */
import { PGlite } from '@electric-sql/pglite'

const { query } = PGlite.prototype
let altered = 0

PGlite.prototype.query = async function (sql, ...rest) {
  const answer = await query.call(this, sql, ...rest)
  if (/^\s*ALTER TABLE/.test(sql) && ++altered === 3) process.kill(process.pid, 'SIGKILL')
  return answer
}
