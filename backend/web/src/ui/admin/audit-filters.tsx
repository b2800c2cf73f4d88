import { useId } from "preact/hooks";
import { AUDIT_ACTIONS } from "../../api/audit.ts";
import { SelectField } from "../common/select-field.tsx";
import { type AuditFilter, NO_FILTER } from "./audit-filter.ts";

interface Props {
  readonly filter: AuditFilter;
  readonly onFilter: (filter: AuditFilter) => void;
}

const ACTION_CHOICES = [["", "Everything"], ...Object.entries(AUDIT_ACTIONS)] as [string, string][];

/** Narrows the audit log down. */
export function AuditFilters({ filter, onFilter }: Props) {
  const isSet = Object.values(filter).some((value) => value !== "");
  const set = (change: Partial<AuditFilter>) => onFilter({ ...filter, ...change });
  return (
    <div class="filters" role="search">
      <SelectField label="What" name="action" value={filter.action} options={ACTION_CHOICES} onChange={(action) => set({ action })} />
      <PlainField label="From" type="date" value={filter.since} onChange={(since) => set({ since })} />
      <PlainField label="To" type="date" value={filter.until} onChange={(until) => set({ until })} />
      <PlainField label="Id of who did it" type="text" value={filter.actorId} onChange={(actorId) => set({ actorId })} />
      <PlainField label="Id of the class" type="text" value={filter.roomId} onChange={(roomId) => set({ roomId })} />
      {isSet && <button type="button" class="button quiet" onClick={() => onFilter(NO_FILTER)}>Show all</button>}
    </div>
  );
}

interface FieldProps {
  readonly label: string;
  readonly type: "date" | "text";
  readonly value: string;
  readonly onChange: (value: string) => void;
}

function PlainField({ label, type, value, onChange }: FieldProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input id={id} type={type as "text"} value={value} maxLength={128} autocomplete="off" onChange={(event) => onChange(event.currentTarget.value)} />
    </div>
  );
}
