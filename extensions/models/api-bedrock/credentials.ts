import { errorInfo, type ModelEndpoint } from "@plinth/sdk";
import { failure } from "@plinth/sdk/kits/model-api";

export interface Identity {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

type Chain = () => Promise<Identity>;

/**
 * AWS's own chain of places where credentials may be: the environment, SSO, web identity, the shared files, a process, a
 * container's and a machine's metadata service. Its code is loaded with the first request that is to be signed; what it finds is
 * kept until it expires.
 */
export class Credentials {
  readonly #chains = new Map<string | undefined, Promise<Chain>>();

  /** @param profile of the shared files; default: AWS_PROFILE, else `default`. */
  async identity({ title }: ModelEndpoint, profile: string | undefined): Promise<Identity> {
    try {
      return await (await this.#chain(profile))();
    } catch (cause) {
      throw failure("AUTH", `${title} cannot be asked, because AWS's chain of credentials gave none: ${errorInfo(cause).message.slice(0, 500)}`, {
        next: "Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_BEARER_TOKEN_BEDROCK; `aws configure` or `aws sso login` writes a profile.",
        cause,
      });
    }
  }

  #chain(profile: string | undefined): Promise<Chain> {
    let chain = this.#chains.get(profile);
    if (chain === undefined) {
      chain = import("@aws-sdk/credential-provider-node").then(({ defaultProvider }) => defaultProvider(profile === undefined ? {} : { profile }));
      this.#chains.set(profile, chain);
    }
    return chain;
  }
}
