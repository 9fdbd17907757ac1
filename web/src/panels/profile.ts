/** The three switches of a board, each choice with one sentence. */

import { html, nothing, type TemplateResult } from "lit";

import type { BoardLab } from "../engine/lab.ts";

interface Choice<Key extends keyof BoardLab> {
  readonly value: NonNullable<BoardLab[Key]>;
  readonly name: string;
  readonly text: string;
}

const behaviours: readonly Choice<"behaviour">[] = [
  { value: "manual", name: "As in the manual", text: "The documentation holds; where a chip does otherwise, a hint says so." },
  { value: "chip", name: "As on a chip", text: "Firmware 3.0 as it really is, surprises included." },
];
const releases: readonly Choice<"release">[] = [
  { value: "any", name: "Both generations", text: "Old and new names work; a removed one gives a hint." },
  { value: "3.0", name: "Release 3.0", text: "Only what today's firmware has." },
  { value: "2.x", name: "Releases up to 2.2", text: "Only what the older firmware had." },
];
const versions: readonly Choice<"lua">[] = [
  { value: "5.1", name: "Lua 5.1", text: "The firmware's usual build." },
  { value: "5.3", name: "Lua 5.3", text: "With integers, as the firmware can be built." },
];

/** The profile in short, for its button. */
export function profileName(board: BoardLab): string {
  const behaviour = board.behaviour === "chip" ? "Chip" : "Manual";
  const release = board.release === undefined || board.release === "any" ? "" : ` · ${board.release}`;
  return `${behaviour}${release} · Lua ${board.lua ?? "5.1"}`;
}

export function profileForm(
  board: BoardLab,
  hasOthers: boolean,
  change: (values: Partial<BoardLab>) => void,
  toAll: () => void,
  run: () => void,
): TemplateResult {
  return html`${group("Behaviour", "behaviour", behaviours, board.behaviour ?? "manual", (behaviour) => change({ behaviour }))}
    ${group("API", "release", releases, board.release ?? "any", (release) => change({ release }))}
    ${group("Language", "lua", versions, board.lua ?? "5.1", (lua) => change({ lua }))}
    <footer class="popover-foot">
      ${hasOthers ? html`<button class="button small" @click=${toAll}>Same for all boards</button>` : nothing}
      <span class="spacer"></span>
      <button class="button small primary" @click=${run}>Run with these</button>
    </footer>`;
}

function group<Key extends keyof BoardLab>(
  title: string,
  name: string,
  choices: readonly Choice<Key>[],
  current: BoardLab[Key],
  choose: (value: NonNullable<BoardLab[Key]>) => void,
): TemplateResult {
  return html`<fieldset class="choices">
    <legend>${title}</legend>
    ${choices.map(
      (choice) => html`<label class="choice">
        <input type="radio" name=${name} .checked=${choice.value === current} @change=${() => choose(choice.value)} />
        <span><b>${choice.name}</b><small>${choice.text}</small></span>
      </label>`,
    )}
  </fieldset>`;
}
