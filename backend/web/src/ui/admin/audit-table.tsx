import type { AuditItem } from "../../api/types.ts";
import { momentOf } from "../../lib/when.ts";

interface Props {
  readonly items: readonly AuditItem[];
  /** Names for the actions on the wire. */
  readonly actionsOf: Readonly<Record<string, string>>;
  /** Show what this one did. */
  readonly onActor: (actorId: string) => void;
}

/** What was done, the newest first. */
export function AuditTable({ items, actionsOf, onActor }: Props) {
  return (
    <div class="table-box">
      <table class="stacking">
        <thead>
          <tr><th scope="col">When</th><th scope="col">What</th><th scope="col">Who</th><th scope="col">To whom or what</th><th scope="col">From</th></tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <tr key={item.id} data-action={item.action}>
              <td data-label="When"><time dateTime={item.at}>{momentOf(item.at)}</time></td>
              <th scope="row">{actionsOf[item.action] ?? item.action}</th>
              <td data-label="Who"><Actor item={item} onActor={onActor} /></td>
              <td data-label="To">{targetOf(item)}</td>
              <td data-label="From">{item.address ?? "–"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Actor({ item, onActor }: { readonly item: AuditItem; readonly onActor: (actorId: string) => void }) {
  const { actor_id, actor_email } = item;
  if (!actor_id) return <>{actor_email ?? "Nobody signed in"}</>;
  return (
    <button type="button" class="link" title="Show only what this one did" onClick={() => onActor(actor_id)}>
      {actor_email ?? actor_id}
    </button>
  );
}

function targetOf({ target_type, target_id, room_id, details }: AuditItem) {
  const target = target_id && `${target_type ?? ""} ${target_id}`.trim();
  const room = room_id && room_id !== target_id ? `class ${room_id}` : null;
  const more = Object.entries(details ?? {}).map(([name, value]) => `${name}: ${String(value)}`);
  const lines = [target, room, ...more].filter(Boolean);
  if (lines.length === 0) return "–";
  return lines.map((line) => <span key={line} class="audit-line">{line}</span>);
}
