/** Which of the web platform's tests are run, by what they are about: files, or folders with all their `.any.js`. */
export const AREAS: Readonly<Record<string, readonly string[]>> = {
  "`URL`, `URLSearchParams`": ["url"],
  "`TextEncoder`, `TextDecoder`, in streams too": ["encoding"],
  "`atob`, `btoa`": ["html/webappapis/atob"],
  structuredClone: ["html/webappapis/structured-clone"],
  "timers, `queueMicrotask`": ["html/webappapis/microtask-queuing", "html/webappapis/timers"],
  "`Event`, `EventTarget`": ["dom/events"],
  "`AbortController`, `AbortSignal`": ["dom/abort"],
  DOMException: ["webidl/ecmascript-binding/es-exceptions"],
  "`crypto.getRandomValues`, `randomUUID`": ["WebCryptoAPI/getRandomValues.any.js", "WebCryptoAPI/randomUUID.https.any.js"],
  "`crypto.subtle.digest`": ["WebCryptoAPI/digest/digest.https.any.js"],
  Headers: ["fetch/api/headers"],
  "`Request`, `Response`": ["fetch/api/request", "fetch/api/response", "fetch/api/body"],
  "`Blob`, `File`": ["FileAPI/blob", "FileAPI/file/File-constructor.any.js"],
  FormData: ["xhr/formdata"],
  streams: ["streams"],
  "`MessageChannel`": ["webmessaging/message-channels"],
};

/** They ask a server, a page, or for definitions of interfaces as data. */
export const LEFT_OUT =
  /idlharness|\/cross-origin|request-(bad-port|cache|keepalive|init-priority)|garbage-collected|worker|shadowrealm|user-activation|legacy-mb|owning-type|-transfer|transferable|headers-no-cors|header-values(-normalize)?\.any|invalid-realm|crashtests|resources\//;
