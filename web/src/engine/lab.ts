/** The lab's form. The declarations are generated from `crates/sim`; this file is the page's one door to them. */

export type { BoardLab } from "../generated/BoardLab.ts";
export type { Faults } from "../generated/Faults.ts";
export type { FetchRequest } from "../generated/FetchRequest.ts";
export type { FileContent } from "../generated/FileContent.ts";
export type { Input } from "../generated/Input.ts";
export type { Lab } from "../generated/Lab.ts";
export type { LinkLab } from "../generated/LinkLab.ts";
export type { Network } from "../generated/Network.ts";
export type { WorldLab } from "../generated/WorldLab.ts";
