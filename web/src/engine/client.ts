/**
 * The page's side of the worker: starts it, pulls a batch per animation frame, and replaces it when it breaks or must stop at once.
 *
 * The worker is expendable: nothing that a person made lives in it.
 */

import { crash, type EngineFailure } from "./failure.ts";
import type { Input, Lab } from "./lab.ts";
import type { FromHub } from "../generated/FromHub.ts";
import type { Resume } from "../generated/Resume.ts";
import type { ToHub } from "../generated/ToHub.ts";
import type { RoomJoin, RoomLink } from "./room.ts";
import type { RelayWish } from "./relay.ts";
import type { Batch, FileBreakpoints, FromWorker, Queries, QueryName, ToWorker } from "./protocol.ts";

export interface ClientHandlers {
  batch(batch: Batch): void;
  /** The engine broke or refused the lab; the client is ready for the next run. */
  failed(failure: EngineFailure): void;
  /** Something a person did cannot be done. */
  inputRefused(input: Input, message: string): void;
  ready(): void;
  /** How the way into the room is. */
  roomLink?(link: RoomLink): void;
  roomMessage?(message: FromHub): void;
}

/** Starts a worker that speaks the protocol; the page and the embedded element have different ways to. */
export type StartWorker = () => Worker;

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** How long a worker may be silent after a pull before it counts as stuck, in wall milliseconds. */
const silenceWallMsMax = 10_000;
/** How long a worker in a room may take to stop a run before it is replaced, which others in the room would notice. */
const stopWallMsMax = 1000;

export class EngineClient {
  #worker: Worker;
  #run = 0;
  #runs = false;
  #wantsMap = false;
  #speed = 1;
  #paused = false;
  /** A program is stopped by the debugger, so the worker has nothing to tell. */
  #isHeld = false;
  #relay: RelayWish | null = null;
  #frame = 0;
  #query = 0;
  #heardAt = performance.now();
  #lastTickAt = performance.now();
  #isReady = false;
  readonly #waiting = new Map<number, Waiting>();
  #room: RoomJoin | null = null;
  #stopDue: ReturnType<typeof setTimeout> | null = null;

  constructor(
    readonly handlers: ClientHandlers,
    readonly startWorker: StartWorker,
  ) {
    this.#worker = this.#spawn();
    this.#frame = requestAnimationFrame(() => this.#tick());
  }

  get isRunning(): boolean {
    return this.#runs;
  }

  /** Whether the engine is loaded. */
  get isReady(): boolean {
    return this.#isReady;
  }

  get isPaused(): boolean {
    return this.#paused;
  }

  get speed(): number {
    return this.#speed;
  }

  start(lab: Lab, breakpoints: readonly FileBreakpoints[] = []): void {
    this.#run++;
    this.#runs = true;
    this.#isHeld = false;
    this.#heardAt = performance.now();
    this.#send({ type: "start", run: this.#run, lab, speed: this.#speed, paused: this.#paused, breakpoints });
  }

  /** Stops at once, whatever the engine is doing. */
  stop(): void {
    if (!this.#runs) return;
    this.#runs = false;
    this.#run++;
    if (this.#room === null) return this.#replace();
    this.#send({ type: "stop" });
    this.#stopDue ??= setTimeout(() => this.#replace(), stopWallMsMax);
  }

  /** Takes part in a room from the next start on; `null` leaves it. */
  joinRoom(join: RoomJoin | null): void {
    this.#room = join;
    this.#send({ type: "room", join });
  }

  tell(message: ToHub): void {
    this.#send({ type: "tell", message });
  }

  /** Leads runs to the real network, the present one too; `null` gives that up. */
  setRelay(wish: RelayWish | null): void {
    this.#relay = wish;
    this.#send({ type: "relay", wish });
  }

  /** Ends the run but keeps what it knows, so that frames can still be looked at. */
  halt(): void {
    this.setPaused(true);
  }

  setPaused(paused: boolean): void {
    this.#paused = paused;
    this.#send({ type: "paused", paused });
  }

  setSpeed(speed: number): void {
    this.#speed = speed;
    this.#send({ type: "speed", speed });
  }

  step(target: "callback" | "frame"): void {
    this.#paused = true;
    this.#send({ type: "step", target });
  }

  setBreakpoints(breakpoints: FileBreakpoints): void {
    if (this.#runs) this.#send({ type: "breakpoints", breakpoints });
  }

  pauseProgram(board: string): void {
    if (this.#runs) this.#send({ type: "pauseProgram", board });
  }

  resume(how: Resume): void {
    this.#isHeld = false;
    this.#heardAt = performance.now();
    if (this.#runs) this.#send({ type: "resume", how });
  }

  input(input: Input): void {
    if (this.#runs) this.#send({ type: "input", input });
  }

  /** Whether somebody looks at the network map. */
  wantMap(wants: boolean): void {
    this.#wantsMap = wants;
  }

  query<Name extends QueryName>(name: Name, ask: Queries[Name]["ask"]): Promise<Queries[Name]["answer"]> {
    const number = ++this.#query;
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve: resolve as (value: unknown) => void, reject });
      this.#send({ type: "query", number, name, ask });
    });
  }

  destroy(): void {
    cancelAnimationFrame(this.#frame);
    this.#worker.terminate();
  }

  #spawn(): Worker {
    const worker = this.startWorker();
    worker.addEventListener("message", (event: MessageEvent<FromWorker>) => this.#receive(event.data));
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.#broke(event.message || "the simulation's worker could not be loaded");
    });
    return worker;
  }

  #replace(): void {
    this.#worker.terminate();
    this.#isReady = false;
    for (const waiting of this.#waiting.values()) waiting.reject(new Error("the simulation was restarted"));
    this.#waiting.clear();
    if (this.#stopDue !== null) clearTimeout(this.#stopDue);
    this.#stopDue = null;
    this.#worker = this.#spawn();
    if (this.#room) this.#send({ type: "room", join: this.#room });
    if (this.#relay) this.#send({ type: "relay", wish: this.#relay });
  }

  #send(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  #tick(): void {
    this.#frame = requestAnimationFrame(() => this.#tick());
    const now = performance.now();
    // A page that was hidden or asleep has not pulled; the silence is its own.
    if (now - this.#lastTickAt > 1000) this.#heardAt = now;
    this.#lastTickAt = now;
    if (!this.#runs) return;
    this.#send({ type: "pull", wantsMap: this.#wantsMap });
    if (this.#isReady && !this.#paused && !this.#isHeld && now - this.#heardAt > silenceWallMsMax) {
      this.#broke("the simulation has not answered for ten seconds");
    }
  }

  #receive(message: FromWorker): void {
    this.#heardAt = performance.now();
    switch (message.type) {
      case "ready":
        this.#isReady = true;
        return this.handlers.ready();
      case "batch":
        if (message.batch.run !== this.#run) return;
        this.#isHeld = message.batch.report.paused !== undefined;
        return this.handlers.batch(message.batch);
      case "answer":
        this.#waiting.get(message.number)?.resolve(message.value);
        this.#waiting.delete(message.number);
        return;
      case "failed":
        this.#waiting.get(message.number)?.reject(new Error(message.message));
        this.#waiting.delete(message.number);
        return;
      case "stopped":
        if (this.#stopDue !== null) clearTimeout(this.#stopDue);
        this.#stopDue = null;
        return;
      case "roomLink":
        return this.handlers.roomLink?.(message.link);
      case "roomMessage":
        return this.handlers.roomMessage?.(message.message);
      case "inputRefused":
        if (message.run === this.#run) this.handlers.inputRefused(message.input, message.message);
        return;
      case "refused":
        if (message.run !== this.#run) return;
        this.#runs = false;
        return this.handlers.failed({ kind: "refused", message: message.message });
      case "crashed":
        return this.#broke(message.message);
    }
  }

  #broke(message: string): void {
    const wasReady = this.#isReady;
    this.#runs = false;
    this.#run++;
    if (wasReady) this.#replace();
    this.handlers.failed(wasReady ? crash(message) : { kind: "unloadable", message });
  }
}
