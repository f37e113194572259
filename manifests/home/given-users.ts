/** Ids of users, both ends included. */
export interface Span {
  readonly first: number;
  readonly last: number;
}

/** Reserved by nobody: above what containers are given, below what is no id everywhere. */
const PRESET: Span = { first: 1_879_048_192, last: 2_147_483_646 };
/** Where a container has no ids so high: those that services get for as long as they run. */
const SMALL: Span = { first: 61_184, last: 65_519 };
const LARGEST = 4_294_967_294;

/** The ids that a host of root gives to extensions, the first that there are here. PLINTH_USER_IDS=FIRST-LAST says which ones. */
export function givenIds(asked = process.env.PLINTH_USER_IDS ?? ""): readonly Span[] {
  const [, first, last] = /^(\d{1,10})-(\d{1,10})$/.exec(asked) ?? [];
  return asked === "" ? [PRESET, SMALL] : [{ first: Math.max(1, Number(first)), last: Math.min(LARGEST, Number(last)) }];
}

/** Whether a host of root may have given this id to an extension. */
export const isGiven = (uid: number): boolean => givenIds().some(({ first, last }) => uid >= first && uid <= last);
