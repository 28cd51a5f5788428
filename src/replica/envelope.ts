/** A message between replicas, with its address. @module */
import type { Heartbeat } from "../membership/messages.ts";
import type {
  AnswerMessage,
  AntiEntropyMessage,
  FilledMessage,
  FillMessage,
  ForwardedMessage,
  ForwardMessage,
  ReadMessage,
  RefusedMessage,
  ScanMessage,
  ScannedMessage,
  WriteMessage,
  WrittenMessage,
} from "../replication/messages.ts";

/** The configured name of a replica, such as `r1`. */
export type ReplicaId = string;

/** Everything replicas say to each other. */
export type Message =
  | Heartbeat
  | WriteMessage
  | WrittenMessage
  | RefusedMessage
  | ReadMessage
  | AnswerMessage
  | FillMessage
  | FilledMessage
  | ForwardMessage
  | ForwardedMessage
  | ScanMessage
  | ScannedMessage
  | AntiEntropyMessage;

/** One message, or one copy of it for each of several replicas. */
export interface Envelope {
  readonly to: readonly ReplicaId[];
  readonly message: Message;
}

/**
 * Whether a message answers another. Answers go back over the connection that the question came on; questions go over
 * the connection that the sender dialled.
 */
export function isAnswer(message: Message): boolean {
  switch (message.type) {
    case "heartbeat_ack":
    case "written":
    case "refused":
    case "answer":
    case "filled":
    case "forwarded":
    case "scanned":
    case "compared":
    case "listed":
    case "given":
      return true;
    case "heartbeat":
    case "write":
    case "read":
    case "fill":
    case "forward":
    case "scan":
    case "compare":
    case "list":
    case "give":
    case "passed":
      return false;
  }
}
