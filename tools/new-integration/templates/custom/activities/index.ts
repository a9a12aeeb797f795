/** What the workflow has done for it. Temporal may run it again: after a crash, say. */
export async function countWords(text: string): Promise<number> {
  return text.split(/\s+/).filter(Boolean).length
}
