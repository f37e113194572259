import type { Context } from "@plinth/sdk";
import { BURST, CLOSED, type GatePolicy } from "@plinth/sdk/kits/channel";

export interface ChannelPolicy extends GatePolicy {
  /** Messages of one sender that follow each other so soon are one. */
  readonly burstMs: number;
}

interface Config {
  policy?: Partial<ChannelPolicy>;
  channels?: Record<string, Partial<ChannelPolicy>>;
}

/** What holds for a channel: its own configuration, then that of all, then closed. */
export function policyOf(ctx: Pick<Context, "config">, channel: string): ChannelPolicy {
  const { policy, channels } = ctx.config as Config;
  const own = channels !== undefined && Object.hasOwn(channels, channel) ? channels[channel] : undefined;
  return { burstMs: BURST.quietMs, ...CLOSED, ...policy, ...own };
}
