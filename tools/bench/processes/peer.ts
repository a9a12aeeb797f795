/** A queue that others make, whose jobs start workflows. */
import { Client, Connection } from '@temporalio/client'
import { startBare } from '../bare.js'
import { PEERS } from '../peers.js'

const { TEMPORAL_ADDRESS = '', DATABASE_URL = '' } = process.env
const [name = '', queue = ''] = process.argv.slice(2)
const client = new Client({ connection: await Connection.connect({ address: TEMPORAL_ADDRESS }) })
const stop = await PEERS[name as keyof typeof PEERS].work(DATABASE_URL, (id) => startBare(client, queue, id))
process.once('SIGTERM', () => {
  void stop().then(() => process.exit(0))
})
process.send?.({ type: 'ready' })
