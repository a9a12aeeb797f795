/** A process that makes an empty database for PGLite. Plain JavaScript, so that it needs no loader. */
import { PGlite } from '@electric-sql/pglite'

const database = new PGlite(process.argv[2])
// From its next start. By default it takes 128 MB at once; the files are in the system's memory, too.
await database.query("ALTER SYSTEM SET shared_buffers = '16MB'")
await database.close()
