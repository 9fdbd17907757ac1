/** Echo requests with what became of them. */

import type { RecordOf } from "./record.ts";

export interface Echo {
  readonly sent: RecordOf<"ping_sent">;
  readonly end: RecordOf<"ping_end"> | null;
}

/**
 * Joins each echo with its end. A board that gives up says sequence number 0, as its callback does; such ends go to the oldest echoes
 * that have none.
 */
export function joinEchoes(sent: readonly RecordOf<"ping_sent">[], ends: readonly RecordOf<"ping_end">[]): readonly Echo[] {
  const used = new Set<number>();
  const take = (record: RecordOf<"ping_sent">, fits: (end: RecordOf<"ping_end">) => boolean): RecordOf<"ping_end"> | null => {
    const end = ends.find((other) => !used.has(other.id) && other.host === record.host && other.target === record.target && other.at >= record.at && fits(other));
    if (end) used.add(end.id);
    return end ?? null;
  };
  const exact = sent.map((record) => ({ sent: record, end: take(record, (end) => end.seq === record.seq) }));
  return exact.map((echo) => (echo.end ? echo : { ...echo, end: take(echo.sent, (end) => end.seq === 0 && end.rtt === null) }));
}
