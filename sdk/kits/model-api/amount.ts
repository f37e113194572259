/** What counts something: no less than nothing, and no more than a number holds, which JSON can say (`1e999`). */
export const isAmount = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value) && value >= 0;
