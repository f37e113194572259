import type { Lending } from "./lending.ts";
import type { OwnUser } from "./own-user.ts";

/** What this machine has to hold a process with; made by `found()`. Null = not here, or it does not work here. */
export interface Tools {
  /** The program and the flags for namespaces that it understands. */
  readonly bwrap: readonly string[] | null;
  /** It builds the room as root, and only what is in there is another user; otherwise it is that user itself. */
  readonly builtByRoot?: boolean;
  /** It takes folders by descriptor. */
  readonly bindsDescriptors?: boolean;
  /** The machine has a filter of system calls, and bubblewrap lays it over what it holds. */
  readonly filter: boolean;
  /** Only looked for where bubblewrap does not work. */
  readonly confine: Confine | null;
  readonly setpriv: string | null;
  readonly prlimit: string | null;
  /** The program of ours that makes mounts, where bubblewrap needs it: to lend folders. */
  readonly lender?: string | undefined;
  /** What `setpriv` is linked with: it runs in the room. */
  readonly setprivLibraries?: readonly string[];
  /** What the runtime is linked with: a program behind the wall needs it. */
  readonly libraries: readonly string[];
}

/** Landlock and a filter of system calls, which a program applies to itself before it becomes the command. */
export interface Confine {
  readonly program: string;
  /** Version of the kernel's interface; 0 = not here. */
  readonly landlock: number;
  readonly seccomp: boolean;
  /** It may make mounts: it is root, and not in a container that forbids them. */
  readonly mounts?: boolean;
}

export interface Folder {
  readonly path: string;
  readonly write: boolean;
  /** Where it was opened before, so that it is this one whatever the path leads to by now. */
  readonly fd?: number;
  /** It is another user's, and lent to the one of the room. */
  readonly lent?: Lending | null;
}

/** What a process behind the wall sees of this machine. */
export interface Room {
  readonly folders: readonly Folder[];
  /** Programs and their folders; read-only, also where a granted folder holds them. */
  readonly programs: readonly string[];
  /** What stands in the place of a program in here, in the place of what is there outside. */
  readonly covers?: readonly { readonly from: string; readonly to: string }[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** It may start programs of its own: the filter of system calls leaves room for that. */
  readonly processes?: boolean;
  /** It has a terminal, and may open it by the name that every process has for its own. */
  readonly terminal?: boolean;
  /** Who it is; null = the host's own user, who then is not root. */
  readonly user: OwnUser | null;
  /** Of one file that it writes, in bytes; default 1 GiB. */
  readonly maxFileBytes?: number;
}
