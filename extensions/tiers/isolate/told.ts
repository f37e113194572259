/** What the process of isolates says of them. Nothing of it is believed where the system can be asked. */
export type Report = readonly [cpuMs: number, heapBytes: number, timers: number, turnMs: number];

export interface Told {
  opened?: number;
  stale?: boolean;
  failed?: number;
  ended?: number;
  why?: string;
  stuck?: number;
  closed?: number;
  pulse?: [number, ...Report][];
  report?: Report;
  compiled?: string;
}
