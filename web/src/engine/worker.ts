/**
 * The simulation's worker, whatever its engine comes from: runs one lab in slices, so that a message is never waited for longer than a slice.
 *
 * It stops running ahead when the page does not pull (a hidden tab, a busy page), which bounds the memory of a batch; in a room or
 * with a relay it goes on, for others need its boards, and keeps only the newest of what it has to tell. A trap of the engine ends
 * the worker's work with one message; the page starts another worker.
 */

import type { Engine, Run } from "./engine.ts";
import type { Input, Lab } from "./lab.ts";
import { Pacing } from "./pacing.ts";
import { joinRoom, type Room, type RoomJoin } from "./room.ts";
import type { Resume } from "../generated/Resume.ts";
import type { RoomHost } from "../generated/RoomHost.ts";
import type { RoomLease } from "../generated/RoomLease.ts";
import { Relay, type RelayWish } from "./relay.ts";
import type { Batch, FileBreakpoints, FromWorker, Queries, QueryName, ToWorker } from "./protocol.ts";

/** Wall time of one slice, in milliseconds: short enough that a click is felt at once. */
const sliceWallMs = 8;
/** Without a pull for this long, the simulation waits. */
const pullWallMsMax = 1500;
/** Between two maps for a page that looks at one. */
const mapWallMsMin = 100;
/** Farthest that a step looks for its target. */
const stepMsMax = 60_000;
/** Between two looks at the leases of a room that this page keeps. */
const leasesWallMs = 1000;

const post = (message: FromWorker): void => self.postMessage(message);

class Worker {
  #engine: Engine | null = null;
  #run: Run | null = null;
  #number = 0;
  #pacing = new Pacing(performance.now());
  #nowMs = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #pulledAt = performance.now();
  #mapAt = 0;
  #mapIsStale = true;
  #reportIsDue = false;
  #busyWallMs = 0;
  #loadSince = performance.now();
  #load = 0;
  readonly #early: ToWorker[] = [];
  #room: Room | null = null;
  #join: RoomJoin | null = null;
  #known: readonly RoomHost[] = [];
  /** What the keeper before had given. */
  #inherited: readonly RoomLease[] = [];
  #leasesAt = 0;
  #relayWish: RelayWish | null = null;
  #relay: Relay | null = null;

  async begin(engine: Promise<Engine>): Promise<void> {
    this.#engine = await engine;
    post({ type: "ready" });
    for (const message of this.#early.splice(0)) this.receive(message);
  }

  receive(message: ToWorker): void {
    if (!this.#engine) {
      this.#early.push(message);
      return;
    }
    switch (message.type) {
      case "start":
        return this.#start(this.#engine, message);
      case "stop":
        this.#end();
        return post({ type: "stopped" });
      case "room":
        return this.#enter(message.join);
      case "tell":
        return this.#room?.tell(message.message);
      case "pull":
        return this.#pull(message.wantsMap);
      case "paused":
        this.#pacing.setPaused(message.paused, performance.now(), this.#nowMs);
        return this.#schedule(0);
      case "speed":
        this.#pacing.setSpeed(this.#room ? 1 : message.speed, performance.now(), this.#nowMs);
        return this.#schedule(0);
      case "step":
        return this.#step(message.target);
      case "input":
        this.#input(message.input);
        this.#mapIsStale = true;
        this.#reportIsDue = true;
        return this.#schedule(0);
      case "breakpoints":
        return this.#setBreakpoints(message.breakpoints);
      case "pauseProgram":
        return this.#pauseProgram(message.board);
      case "resume":
        return this.#resume(message.how);
      case "relay":
        return this.#setRelay(message.wish);
      case "query":
        return this.#answer(this.#engine, message.number, message.name, message.ask);
    }
  }

  #start(engine: Engine, message: Extract<ToWorker, { type: "start" }>): void {
    this.#end();
    this.#number = message.run;
    try {
      this.#run = this.#begin(engine, message.lab);
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError) throw error;
      post({ type: "refused", run: message.run, message: error instanceof Error ? error.message : String(error) });
      return;
    }
    for (const breakpoints of message.breakpoints) this.#setBreakpoints(breakpoints);
    this.#nowMs = 0;
    this.#mapIsStale = true;
    this.#reportIsDue = true;
    this.#pulledAt = performance.now();
    this.#pacing = new Pacing(performance.now());
    this.#pacing.setSpeed(this.#room ? 1 : message.speed, performance.now(), 0);
    this.#pacing.setPaused(message.paused, performance.now(), 0);
    if (this.#relayWish) this.#openRelay(this.#run, this.#relayWish);
    this.#slice();
  }

  // ---- the way to the real network

  #setRelay(wish: RelayWish | null): void {
    const before = this.#relayWish;
    this.#relayWish = wish;
    if (!this.#run) return;
    if (wish && this.#relay && before?.url === wish.url) {
      this.#relay.publish(wish.ports);
    } else {
      if (wish) this.#relay?.close();
      else this.#relay?.leave();
      this.#relay = null;
      if (wish) this.#openRelay(this.#run, wish);
    }
    this.#reportIsDue = true;
    this.#schedule(0);
  }

  #openRelay(run: Run, wish: RelayWish): void {
    this.#relay = new Relay(run, wish, (work) =>
      guard(() => {
        work();
        this.#reportIsDue = true;
        this.#relay?.send();
        // What came in is due at once.
        if (!this.#pacing.paused) this.#schedule(0);
      }),
    );
  }

  #input(input: Input): void {
    try {
      this.#run?.input(input);
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError) throw error;
      post({ type: "inputRefused", run: this.#number, input, message: error instanceof Error ? error.message : String(error) });
    }
  }

  #end(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#relay?.close();
    this.#relay = null;
    this.#run?.free();
    this.#run = null;
  }

  #schedule(delayMs: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => guard(() => this.#slice()), delayMs);
  }

  #slice(): void {
    this.#timer = null;
    const wall = performance.now();
    const isWatched = wall - this.#pulledAt <= pullWallMsMax;
    if (!this.#run || (!isWatched && !this.#room && !this.#relay)) {
      this.#pacing.settle(wall, this.#nowMs);
      return;
    }
    if (this.#run.isStopped()) return;
    const target = this.#pacing.target(wall);
    if (target > this.#nowMs) {
      this.#run.advance(target, sliceWallMs);
      this.#relay?.send();
      this.#reportIsDue = true;
      const after = performance.now();
      this.#busyWallMs += after - wall;
      if (isWatched) this.#flush(false);
      else this.#nowMs = this.#run.nowMs();
      this.#sendFrames();
      this.#pacing.settle(after, this.#nowMs);
    }
    if (this.#pacing.paused || this.#run.isStopped()) return;
    this.#schedule(this.#nowMs + 0.5 < this.#pacing.target(performance.now()) ? 0 : 4);
  }

  // ---- the room

  #enter(join: RoomJoin | null): void {
    this.#room?.leave();
    this.#room = null;
    this.#known = [];
    this.#inherited = [];
    this.#join = join;
    if (!join) return;
    const room: Room = joinRoom(join, {
      frame: (bytes) => guard(() => this.#receiveFrame(bytes)),
      link: (link) => post({ type: "roomLink", link }),
      message: (message) => post({ type: "roomMessage", message }),
      known: (hosts) =>
        guard(() => {
          this.#known = hosts;
          this.#run?.roomKnown(hosts);
          this.#mapIsStale = true;
        }),
      keep: (leases) =>
        guard(() => {
          this.#inherited = leases;
          this.#run?.roomKeep(true, leases);
        }),
    });
    this.#room = room;
  }

  #begin(engine: Engine, lab: Lab): Run {
    const room = this.#room;
    const join = this.#join;
    if (!room || !join) return engine.start(lab);
    const run = engine.startInRoom(lab, { identity: join.identity, keeps: room.keeps, hasPc: true, watches: join.token !== null });
    room.tell({ type: "hosts", hosts: run.roomHosts().map(({ mac, name }) => ({ mac, name })) });
    run.roomKnown(this.#known);
    if (room.keeps) run.roomKeep(true, this.#inherited);
    return run;
  }

  #receiveFrame(bytes: Uint8Array): void {
    if (!this.#run) return;
    // It arrives now, not when the last slice ended.
    const target = this.#pacing.target(performance.now());
    if (target > this.#nowMs) this.#run.advance(target, sliceWallMs);
    this.#run.roomReceive(bytes);
    this.#reportIsDue = true;
    if (!this.#pacing.paused) this.#schedule(0);
  }

  #sendFrames(): void {
    const room = this.#room;
    const run = this.#run;
    if (!room || !run) return;
    for (let frame = run.roomTake(); frame !== null; frame = run.roomTake()) room.send(frame);
    const wall = performance.now();
    if (!room.keeps || wall - this.#leasesAt < leasesWallMs) return;
    this.#leasesAt = wall;
    const leases = run.roomLeases();
    if (JSON.stringify(leases) === JSON.stringify(this.#inherited)) return;
    this.#inherited = leases;
    room.tell({ type: "leases", leases: [...leases] });
  }

  /** Collects what the engine has to tell; it is posted with the next pull. */
  #pending: Batch[] = [];

  #flush(wantsMap: boolean): void {
    if (!this.#run || !this.#reportIsDue) return;
    this.#reportIsDue = false;
    const report = this.#run.report();
    this.#nowMs = report.nowMs;
    const wall = performance.now();
    const map = this.#mapIsStale || (wantsMap && wall - this.#mapAt > mapWallMsMin) ? this.#run.map() : null;
    if (map) this.#mapAt = wall;
    this.#mapIsStale = false;
    const uplink = this.#relay ? this.#run.uplink() : null;
    this.#pending.push({ run: this.#number, report, map, uplink, load: this.#load });
  }

  #pull(wantsMap: boolean): void {
    const wall = performance.now();
    const hasWaited = wall - this.#pulledAt > pullWallMsMax;
    this.#pulledAt = wall;
    if (wall - this.#loadSince > 500) {
      this.#load = this.#busyWallMs / (wall - this.#loadSince);
      this.#busyWallMs = 0;
      this.#loadSince = wall;
    }
    if (wantsMap && wall - this.#mapAt > mapWallMsMin && this.#run) this.#reportIsDue = true;
    this.#flush(wantsMap);
    for (const batch of this.#pending.splice(0)) post({ type: "batch", batch });
    if (hasWaited && this.#run) this.#schedule(0);
  }

  #step(target: "callback" | "frame"): void {
    if (!this.#run) return;
    this.#run.stepToNext(target, this.#nowMs + stepMsMax);
    this.#reportIsDue = true;
    this.#flush(false);
    this.#pacing.setPaused(true, performance.now(), this.#nowMs);
  }

  // ---- the debugger: while a program is stopped, no slice is run

  #setBreakpoints({ board, file, lines }: FileBreakpoints): void {
    this.#refusable(() => this.#run?.setBreakpoints(board, file, lines));
  }

  #pauseProgram(board: string): void {
    this.#refusable(() => this.#run?.pauseProgram(board));
  }

  #resume(how: Resume): void {
    if (!this.#run?.isStopped()) return;
    this.#run.resume(how);
    // The time of the stop was nobody's; the program goes on at once, so that a step ends before the next frame is drawn.
    this.#pacing.skip(performance.now(), this.#nowMs);
    this.#run.advance(this.#nowMs, sliceWallMs);
    this.#reportIsDue = true;
    this.#flush(false);
    this.#sendFrames();
    this.#schedule(0);
  }

  /** Does what names a board that the run may not have: one that was added since it began. */
  #refusable(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError) throw error;
    }
  }

  #answer(engine: Engine, number: number, name: QueryName, ask: unknown): void {
    try {
      post({ type: "answer", number, value: this.#value(engine, name, ask) });
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError) throw error;
      post({ type: "failed", number, message: error instanceof Error ? error.message : String(error) });
    }
  }

  #value(engine: Engine, name: QueryName, ask: unknown): Queries[QueryName]["answer"] {
    if (name === "api") return engine.api();
    if (name === "check") {
      const { file, source, lua } = ask as Queries["check"]["ask"];
      return engine.check(file, source, lua);
    }
    if (!this.#run) throw new Error("nothing runs");
    switch (name) {
      case "files":
        return this.#run.files((ask as Queries["files"]["ask"]).host);
      case "frame":
        return this.#run.frame((ask as Queries["frame"]["ask"]).id);
      case "stream":
        return this.#run.streamOfFrame((ask as Queries["stream"]["ask"]).frame);
      case "pcapng":
        return this.#run.pcapng((ask as Queries["pcapng"]["ask"]).frames);
      case "lab":
        return this.#run.lab();
    }
  }
}

const worker = new Worker();
let isBroken = false;

/** Runs `work`; a failure that nobody below expected is the engine's end. */
function guard(work: () => void): void {
  if (isBroken) return;
  try {
    work();
  } catch (error) {
    broken(error);
  }
}

function broken(error: unknown): void {
  isBroken = true;
  // The engine leaves its last words there, which say more than "unreachable".
  const { playgroundPanic } = globalThis as { playgroundPanic?: unknown };
  const message = typeof playgroundPanic === "string" ? playgroundPanic : error instanceof Error ? error.message : String(error);
  post({ type: "crashed", message });
}

/** Serves the page that started this worker from now on; what it asks before `engine` is there waits. */
export function serve(engine: Promise<Engine>): void {
  self.addEventListener("message", (event: MessageEvent<ToWorker>) => guard(() => worker.receive(event.data)));
  worker.begin(engine).catch(broken);
}
