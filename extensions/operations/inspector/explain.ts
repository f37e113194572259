import type { KernelSnapshot } from "@plinth/sdk";
import { notInstalled } from "./status.ts";

/** Why an extension, a contract, a capability or a hook is what it is: every choice of the plan with its reason. */
export function explain(kernel: KernelSnapshot, id: string): { reasons: string[] } {
  const reasons = [...(kernel.reasons.get(id) ?? [])];
  for (const [contract, byId] of kernel.capabilities) {
    for (const [name, { extension }] of byId) {
      if (contract === id) reasons.push(`${name}: provided by ${extension}`);
      if (name === id || `${contract}/${name}` === id) reasons.push(`${contract}/${name}: provided by ${extension}`);
      if (extension === id) reasons.push(`provides ${contract}/${name}`);
    }
  }
  for (const { hook, mode, failure, subscribers } of kernel.hooks) {
    const order = subscribers.map((one) => one.extension);
    if (hook === id) reasons.push(`${mode}, fails ${failure}; order: ${order.join(" → ") || "nobody subscribes"}`);
    else if (order.includes(id)) reasons.push(`takes part in ${hook} as number ${order.indexOf(id) + 1} of ${order.length}`);
  }
  if (reasons.length === 0 && kernel.records.some(({ manifest }) => manifest.id === id)) reasons.push("installed; nothing in the plan refers to it");
  if (reasons.length === 0) throw notInstalled(kernel, id);
  return { reasons };
}

export const hookOrder = ({ hooks }: KernelSnapshot): { hooks: KernelSnapshot["hooks"] } => ({ hooks });
