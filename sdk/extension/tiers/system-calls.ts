/** Numbers of system calls on x64 and arm64, in this order; null where the machine has no such call. From Linux's own tables. */
type Numbers = readonly [number | null, number | null];

/** What neither a guest nor a program needs: each is a way to somebody else's process, or a large part of the kernel to attack. */
const INTO_OTHERS: readonly Numbers[] = [
  [101, 117], // ptrace
  [310, 270], // process_vm_readv, process_vm_writev, process_madvise
  [311, 271],
  [440, 440],
  [438, 438], // pidfd_getfd
  [312, 272], // kcmp
  [256, 238], // migrate_pages, move_pages
  [279, 239],
  [29, 194], // shmget, shmat, msgget, semget, mq_open: memory and queues that outlive who made them
  [30, 196],
  [68, 186],
  [64, 190],
  [240, 180],
];
const KERNEL: readonly Numbers[] = [
  [425, 425], // io_uring_setup, _enter, _register: they do what the other calls are refused for
  [426, 426],
  [427, 427],
  [321, 280], // bpf
  [298, 241], // perf_event_open
  [323, 282], // userfaultfd
  [250, 219], // keyctl, add_key, request_key
  [248, 217],
  [249, 218],
  [272, 97], // unshare, setns
  [308, 268],
  [165, 40], // mount, umount2, pivot_root, chroot
  [166, 39],
  [155, 41],
  [161, 51],
  [428, 428], // open_tree, move_mount, fsopen, fsconfig, fsmount, fspick, mount_setattr, open_tree_attr
  [429, 429],
  [430, 430],
  [431, 431],
  [432, 432],
  [433, 433],
  [442, 442],
  [467, 467],
  [303, 264], // name_to_handle_at, open_by_handle_at, fanotify_init
  [304, 265],
  [300, 262],
  [175, 105], // init_module, finit_module, delete_module
  [313, 273],
  [176, 106],
  [246, 104], // kexec_load, kexec_file_load
  [320, 294],
  [169, 142], // reboot, swapon, swapoff, acct, quotactl, quotactl_fd, syslog
  [167, 224],
  [168, 225],
  [163, 89],
  [179, 60],
  [443, 443],
  [103, 116],
  [164, 170], // settimeofday, clock_settime, clock_adjtime, adjtimex
  [227, 112],
  [305, 266],
  [159, 171],
  [170, 161], // sethostname, setdomainname
  [171, 162],
  [172, null], // iopl, ioperm, modify_ldt, uselib
  [173, null],
  [154, null],
  [134, null],
  [153, 58], // vhangup
  [135, 92], // personality
];

/** For guests and programs alike. */
export const DENIED: readonly Numbers[] = [...INTO_OTHERS, ...KERNEL];

/** Programs start others and command them; a guest is one process. */
export const DENIED_TO_GUESTS: readonly Numbers[] = [
  [41, 198], // socket: what there is of connections was handed over
  [57, null], // fork, vfork
  [58, null],
  [322, 281], // execveat
  [434, 434], // pidfd_open, pidfd_send_signal
  [424, 424],
  [141, 140], // setpriority
  [203, 122], // sched_setaffinity, sched_setscheduler, sched_setattr, sched_setparam
  [144, 119],
  [314, 274],
  [142, 118],
  [112, 157], // setsid: a new session has a share of the processors of its own
  [251, 30], // ioprio_set
];

/** memfd_create, memfd_secret: memory that no process has, so nobody could tell whose it is. Who asks is told that there is no such call. */
export const UNCOUNTED_MEMORY: readonly Numbers[] = [
  [319, 279],
  [447, 447],
];

/** fallocate: a disk is full of it at once, and nothing was written that somebody could have counted. Then programs write instead. */
export const UNWRITTEN_FILES: readonly Numbers[] = [[285, 47]];

/** inotify_init, inotify_init1: a user has few, and who shares the host's user could take them all. */
export const FEW_A_USER: readonly Numbers[] = [
  [253, null],
  [294, 26],
];

/** Calls that make a file or change its rights, and which argument says which rights. */
export const RIGHTS: readonly (readonly [Numbers, at: number])[] = [
  [[90, null], 1], // chmod, fchmod, fchmodat, fchmodat2
  [[91, 52], 1],
  [[268, 53], 2],
  [[452, 452], 2],
  [[2, null], 2], // open, openat, creat
  [[257, 56], 3],
  [[85, null], 1],
  [[133, null], 1], // mknod, mknodat
  [[259, 33], 2],
];

/** By path, and Landlock does not look at them: rights, owners, attributes. By descriptor they stay. */
export const BY_PATH: readonly Numbers[] = [
  [90, null], // chmod, fchmodat, fchmodat2
  [268, 53],
  [452, 452],
  [92, null], // chown, lchown, fchownat
  [94, null],
  [260, 54],
  [188, 5], // setxattr, lsetxattr, setxattrat, removexattr, lremovexattr, removexattrat, file_setattr
  [189, 6],
  [463, 463],
  [197, 14],
  [198, 15],
  [466, 466],
  [469, 469],
  [132, null], // utime, utimes, futimesat
  [235, null],
  [261, null],
];

/** Signals to whom it wants: only where its own id is known is there something to compare. */
export const SIGNALS: readonly Numbers[] = [
  [200, 130], // tkill, rt_sigqueueinfo, rt_tgsigqueueinfo
  [129, 138],
  [297, 240],
];

/** What is looked at more closely, or called from here. */
export const CALLS = {
  clone: [56, 220],
  clone3: [435, 435],
  fcntl: [72, 25],
  getppid: [110, 173],
  kill: [62, 129],
  mount: [165, 40],
  mountSetattr: [442, 442],
  moveMount: [429, 429],
  openTree: [428, 428],
  openat2: [437, 437],
  prctl: [157, 167],
  prlimit64: [302, 261],
  setgroups: [116, 159],
  setresgid: [119, 149],
  setresuid: [117, 147],
  socket: [41, 198],
  tgkill: [234, 131],
  unshare: [272, 97],
  utimensat: [280, 88],
  createRuleset: [444, 444],
  addRule: [445, 445],
  restrictSelf: [446, 446],
} as const satisfies Record<string, Numbers>;

/** Which column is this machine's; null where there is none. */
export function column(): 0 | 1 | null {
  if (process.platform !== "linux") return null;
  return process.arch === "x64" ? 0 : process.arch === "arm64" ? 1 : null;
}
