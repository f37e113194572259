/** For tiers with a wall: what holds a process, and what its extension may ask of the host. */
export { sealed } from "./descriptors.ts";
export { type Enforcement, requireWall, systemWall } from "./enforcement.ts";
export { exitSignal } from "./exit-signal.ts";
export { assertGrantable, type HeldFolder, holdFolders, releaseFolders } from "./granted-folders.ts";
export { denied, type GrantedFolder, type GrantedPath, grantedPath, writable } from "./granted-path.ts";
export { GuestCalls, type GuestLine, type Visit } from "./guest-calls.ts";
export { GuestRequests } from "./guest-requests.ts";
export { HostTime } from "./host-time.ts";
export { type Ends, kill, launch } from "./launch.ts";
export { quieted } from "./log-cap.ts";
export { isRoot, type OwnUser, ownUser, userEnded } from "./own-user.ts";
export { paced } from "./pace.ts";
export { ProcessTree, type Used } from "./process-tree.ts";
export { type Entry, ProcessWatch, type WatchLimits } from "./process-watch.ts";
export { makesMounts } from "./reach.ts";
export { systemCallFilter } from "./seccomp.ts";
export { type Found, found, type Part } from "./tools.ts";
export { boxed, type Confine, type Folder, folders, leashed, limited, permissionFlags, type Room, type Tools, walled } from "./wall.ts";
