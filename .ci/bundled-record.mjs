// What bundled.json says of an extension that is on by default.
/** From this many characters of JSON on, a field of a descriptor that is data only is no part of what each start reads. */
const LONG = 400;

/** Without long fields of extensions that have no code, such as a vendor's models: `readBundled` reads them when somebody looks. */
export function withoutLong(manifest) {
  const isLong = ([, value]) => JSON.stringify(value).length >= LONG;
  if (manifest.entry !== undefined) return { manifest };
  const later = (manifest.provides ?? []).flatMap(({ descriptor }, position) =>
    Object.entries(descriptor)
      .filter(isLong)
      .map(([field]) => [position, field]),
  );
  const provides = manifest.provides?.map((one) => ({
    ...one,
    descriptor: Object.fromEntries(Object.entries(one.descriptor).filter((entry) => !isLong(entry))),
  }));
  return later.length === 0 ? { manifest } : { manifest: { ...manifest, provides }, later };
}
