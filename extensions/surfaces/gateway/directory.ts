import type { Client, Context, Descriptor, Principal } from "@plinth/sdk";
import { RouteTable } from "./routes.ts";

export interface Method {
  readonly name: string;
  readonly extension: string;
  /** Of the product, or run by the operator inside the host. */
  readonly trusted: boolean;
  readonly descriptor: Descriptor<"plinth.gateway-method">;
  readonly client: Client<"plinth.gateway-method">;
}

/** What one generation offers on the port. */
export interface Offer {
  readonly generation: number;
  readonly routes: RouteTable;
  readonly methods: ReadonlyMap<string, Method>;
}

/** The gateway looks things up as nobody: whatever it starts on the way must not inherit the owner's rights. */
export const NOBODY: Principal = Object.freeze({ role: "guest", via: "gateway" });

/** Routes and methods of the current generation, read once for each generation. */
export class Directory {
  readonly #ctx: Context;
  #offer: Offer | undefined;
  #loading: Promise<Offer> | undefined;
  #version = 0;

  constructor(ctx: Context) {
    this.#ctx = ctx;
  }

  /** The offer in force, at once when it is known. */
  get current(): Offer | undefined {
    return this.#offer;
  }

  /** Something was installed, removed or configured. */
  invalidate(): void {
    this.#version += 1;
    this.#offer = undefined;
    this.#loading = undefined;
  }

  load(): Promise<Offer> {
    if (this.#offer !== undefined) return Promise.resolve(this.#offer);
    if (this.#loading !== undefined) return this.#loading;
    const version = this.#version;
    const loading = this.#ctx
      .work(NOBODY, () => this.#read())
      .then((offer) => {
        // Read for an older version: whoever waited may use it, but it is not kept.
        if (version === this.#version) this.#offer = offer;
        return offer;
      });
    this.#loading = loading;
    const clear = (): void => {
      if (this.#loading === loading) this.#loading = undefined;
    };
    loading.then(clear, clear);
    return loading;
  }

  async #read(): Promise<Offer> {
    const ctx = this.#ctx;
    const generation = ctx.currentWork()?.generation ?? 0;
    const routes = ctx.use("plinth.http-route");
    const methods = ctx.use("plinth.gateway-method");
    const [routeList, methodList, trusted] = await Promise.all([routes.list(), methods.list(), this.#trusted()]);
    return {
      generation,
      routes: new RouteTable(
        routeList,
        (id) => routes.get(id),
        (extension) => trusted.has(extension),
      ),
      methods: new Map(
        methodList.map(({ id, extension, trusted: known, descriptor }) => [
          id,
          { name: id, extension, trusted: known, descriptor, client: methods.get(id) },
        ]),
      ),
    };
  }

  /** Extensions that the product ships or that the operator runs inside the host. */
  async #trusted(): Promise<ReadonlySet<string>> {
    try {
      const { extensions } = await this.#ctx.use("plinth.host").one().status({});
      return new Set(extensions.filter(({ bundled, tier }) => bundled || tier === "host").map(({ id }) => id));
    } catch (error) {
      this.#ctx.log.warn("The host did not say which extensions are bundled; all pages are sandboxed.", {
        error: String(error),
      });
      return new Set();
    }
  }
}
