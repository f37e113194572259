import type { Grant, Pin } from "@plinth/manifests";
import { errors } from "../errors.ts";
import type { Host } from "../host.ts";
import { commit } from "../install/commit.ts";

/** Narrow a grant, or take such a limit away again. It holds from the next call on. */
export async function limitGrant(host: Host, { id, scope, expiresAt, chosen, pins }: Record<string, unknown>): Promise<Grant> {
  const name = String(id);
  const { scope: oldScope, expiresAt: oldEnd, ...rest } = granted(host, name);
  const newScope = scope === undefined ? oldScope : ((scope ?? undefined) as Grant["scope"]);
  const newEnd = expiresAt === undefined ? oldEnd : ((expiresAt ?? undefined) as number | undefined);
  const grant: Grant = {
    ...rest,
    ...(newScope === undefined || Object.keys(newScope).length === 0 ? {} : { scope: newScope }),
    ...(newEnd === undefined ? {} : { expiresAt: newEnd }),
    ...(chosen === undefined ? {} : { chosen: chosen as string[] }),
    ...(pins === undefined ? {} : { pins: pins as Pin[] }),
  };
  await host.persist(host.state, host.grants.with([[name, grant]]));
  host.audit({
    extension: name,
    kind: "grant",
    what: `limit ${JSON.stringify({ scope: grant.scope, expiresAt: grant.expiresAt, chosen: grant.chosen, pins: grant.pins })}`,
    allowed: true,
  });
  return grant;
}

/** Without its grant it is left out of the plan; what runs of it is not waited for. */
export async function revokeGrant(host: Host, { id }: Record<string, unknown>): Promise<{ generation: number }> {
  const name = String(id);
  granted(host, name);
  const instances = [host.current, ...host.draining].flatMap((one) => one.instances.get(name) ?? []);
  const next = await commit(host, host.state, new Map([[name, undefined]]));
  await Promise.all(instances.map((one) => one.stop(errors.revoked(name), Promise.resolve())));
  host.audit({ extension: name, kind: "grant", what: "revoke", allowed: true });
  return { generation: next.number };
}

/** Grants of another host, for what is installed here with exactly the bytes and powers that were consented to there. */
export async function importGrants(
  host: Host,
  { grants }: Record<string, unknown>,
): Promise<{ imported: string[]; skipped: { id: string; why: string }[] }> {
  const accepted = new Map<string, Grant>();
  const skipped: { id: string; why: string }[] = [];
  for (const [id, grant] of Object.entries((grants ?? {}) as Record<string, Grant>)) {
    const record = host.state.records.find((one) => one.manifest.id === id && !one.bundled);
    if (record === undefined) skipped.push({ id, why: "it is not installed here" });
    else if (grant.digest !== record.digest) skipped.push({ id, why: "other bytes are installed here" });
    else if (!host.grants.wouldCover(grant, record.manifest, record.digest)) skipped.push({ id, why: "the consent is for other permissions" });
    else accepted.set(id, grant);
  }
  if (accepted.size > 0) await commit(host, host.state, accepted);
  for (const extension of accepted.keys()) host.audit({ extension, kind: "grant", what: "import", allowed: true });
  return { imported: [...accepted.keys()], skipped };
}

function granted(host: Host, id: string): Grant {
  const grant = host.grants.get(id);
  if (grant === undefined) throw errors.notInstalled(id, []);
  return grant;
}
