/** How often a property is tried: FC_RUNS times, or as given. FC_SEED repeats the runs of a failure, whose message says it. */
export function runs(normally: number): { numRuns: number; seed?: number } {
  const { FC_RUNS, FC_SEED } = process.env
  return {
    numRuns: Number(FC_RUNS ?? normally),
    ...(FC_SEED !== undefined && { seed: Number(FC_SEED) }),
  }
}
