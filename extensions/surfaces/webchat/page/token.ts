import { byId } from "./dom.ts";

const KEY = "plinth.token";

/** The token from the address, kept for this tab only and removed from the address bar and the history. */
export function takeToken(): string | null {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given !== null) {
    history.replaceState(null, "", location.pathname + location.search);
    if (given !== "") sessionStorage.setItem(KEY, given);
  }
  return sessionStorage.getItem(KEY);
}

export const heldToken = (): string | null => sessionStorage.getItem(KEY);

/** Ask the person for the token. */
export function askToken(why?: string): Promise<string> {
  sessionStorage.removeItem(KEY);
  const dialog = byId<HTMLDialogElement>("sign-in");
  const input = byId<HTMLInputElement>("token");
  if (why !== undefined) byId("sign-in-why").textContent = why;
  input.value = "";
  if (!dialog.open) dialog.showModal();
  return new Promise((resolve) => {
    const onCancel = (event: Event): void => event.preventDefault();
    const onSubmit = (event: Event): void => {
      event.preventDefault();
      // The whole printed address may have been pasted.
      const token = input.value.trim().replace(/^.*#token=/, "");
      if (token === "") return;
      sessionStorage.setItem(KEY, token);
      dialog.removeEventListener("cancel", onCancel);
      dialog.removeEventListener("submit", onSubmit);
      dialog.close();
      resolve(token);
    };
    dialog.addEventListener("cancel", onCancel);
    dialog.addEventListener("submit", onSubmit);
  });
}
