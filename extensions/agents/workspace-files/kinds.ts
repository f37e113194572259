/** Whose turn it is, as far as the choice of files goes by it. */
export interface Turn {
  role: "owner" | "guest" | "system";
  kind: "chat" | "scheduled" | "sub-agent";
  /** Nobody but the owner reads what is said. */
  private: boolean;
  surface: string;
}

export interface FileKind {
  readonly name: string;
  /** A workspace that was set up has it: where it is missing, that is said. */
  readonly required?: boolean;
  /** Which of the limits; default: that of any file. */
  readonly limit?: "user";
  /** Where not all fits, the highest goes first. */
  readonly drop: number;
  readonly isFor: (turn: Turn) => boolean;
}

const always = (): boolean => true;
const notSubAgents = ({ kind }: Turn): boolean => kind !== "sub-agent";
const ownersAlone = ({ kind, role, private: alone }: Turn): boolean => kind === "chat" && role === "owner" && alone;
/** Where the host's own start began the turn. */
const isBoot = ({ kind, surface }: Turn): boolean => kind === "scheduled" && surface === "boot";

/** The files, in the order in which they are told. */
export const KINDS: readonly FileKind[] = [
  { name: "AGENTS.md", required: true, drop: 10, isFor: always },
  { name: "SOUL.md", required: true, drop: 20, isFor: notSubAgents },
  { name: "IDENTITY.md", required: true, drop: 20, isFor: notSubAgents },
  {
    name: "USER.md",
    required: true,
    limit: "user",
    drop: 30,
    isFor: (turn) => (turn.kind === "chat" ? ownersAlone(turn) : notSubAgents(turn) && turn.role !== "guest"),
  },
  { name: "TOOLS.md", drop: 40, isFor: notSubAgents },
  { name: "HEARTBEAT.md", drop: 30, isFor: (turn) => turn.kind === "scheduled" && !isBoot(turn) },
  { name: "BOOT.md", drop: 30, isFor: isBoot },
  { name: "BOOTSTRAP.md", drop: 30, isFor: ownersAlone },
  { name: "MEMORY.md", drop: 50, isFor: ownersAlone },
];
