import { DownloadIcon } from "../common/icons.tsx";
import { saveFile } from "../common/save-file.ts";

interface Props {
  readonly codes: readonly string[];
  readonly onDone: () => void;
}

/** The only time that backup codes are seen. */
export function BackupCodes({ codes, onDone }: Props) {
  const save = () => saveFile(new Blob([`${codes.join("\n")}\n`], { type: "text/plain" }), "backup codes.txt");
  return (
    <div class="backup-codes">
      <p class="banner" role="status">The second factor is on. Keep these backup codes: each signs you in once without your phone. They are not shown again.</p>
      <ul aria-label="Backup codes">
        {codes.map((code) => <li key={code}><code>{code}</code></li>)}
      </ul>
      <div class="actions">
        <button type="button" class="button" onClick={save}><DownloadIcon /> Save as a file</button>
        <button type="button" class="button primary" onClick={onDone}>I have kept them</button>
      </div>
    </div>
  );
}
