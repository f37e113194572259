/** Counts what a solution costs: one for each version, range and requirement that is looked at. */
export interface Meter {
  steps: number;
}
