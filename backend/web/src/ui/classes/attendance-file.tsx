import { useState } from "preact/hooks";
import { attendanceFile } from "../../api/rooms.ts";
import type { Session } from "../../api/session.ts";
import { sentenceOf } from "../../lib/errors.ts";
import { DownloadIcon } from "../common/icons.tsx";
import { saveFile } from "../common/save-file.ts";

interface Props {
  readonly session: Session;
  readonly room: { readonly id: string; readonly name: string };
}

/** What no file system takes in a name. */
const NOT_IN_NAMES = /[^\p{L}\p{N} ._-]+/gu;

/** Downloads who was there, as a table for a spreadsheet. */
export function AttendanceFile({ session, room }: Props) {
  const [problem, setProblem] = useState<string | null>(null);
  async function save(): Promise<void> {
    try {
      saveFile(await attendanceFile(session, room.id), `attendance ${room.name.replace(NOT_IN_NAMES, " ").trim()}.csv`);
      setProblem(null);
    } catch (error) {
      setProblem(sentenceOf(error));
    }
  }
  return (
    <>
      <button type="button" class="button" onClick={() => void save()}><DownloadIcon /> Attendance (CSV)</button>
      {problem && <p class="field-error" role="alert">{problem}</p>}
    </>
  );
}
