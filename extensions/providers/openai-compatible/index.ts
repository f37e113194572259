import { defineExtension } from "@plinth/sdk";
import { endpointOf } from "./endpoint.ts";
import { createProvider } from "./provider.ts";
import { type VendorConfig, vendors } from "./vendors.ts";

export default defineExtension({
  activate(ctx) {
    const configured = (ctx.config.vendors ?? {}) as Record<string, VendorConfig>;
    for (const vendor of vendors) {
      const endpoint = endpointOf(vendor, configured[vendor.id] ?? {}, ctx.env);
      ctx.provide("plinth.model-provider", vendor.id, createProvider(ctx, endpoint));
    }
  },
});
