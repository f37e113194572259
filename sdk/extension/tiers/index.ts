/** For tiers with a wall: what holds a process, and what its extension may ask of the host. */
export { sealed } from "./descriptors.ts";
export { GuestRequests } from "./guest-requests.ts";
export { MemoryWatch, treeMb } from "./memory-watch.ts";
export { type Found, found } from "./tools.ts";
export { boxed, type Folder, folders, leashed, limited, permissionFlags, type Room, type Tools, walled } from "./wall.ts";
