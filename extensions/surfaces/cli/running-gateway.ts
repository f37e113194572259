import { GatewayLink } from "@plinth/sdk/home";

export interface RunningGateway {
  url: string;
  pid: number;
}

/** The gateway of a home, once it has proven to be that; undefined where none runs. */
export async function runningGateway(home: string): Promise<RunningGateway | undefined> {
  using link = await GatewayLink.find(home);
  return link === null ? undefined : { url: link.running.url, pid: link.running.pid };
}
