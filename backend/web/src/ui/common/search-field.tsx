import { useEffect, useId, useState } from "preact/hooks";
import { SearchIcon } from "./icons.tsx";
import { useSettled } from "./use-settled.ts";

interface Props {
  readonly label: string;
  readonly onSearch: (text: string) => void;
}

const MAX_LENGTH = 200;

/** Searches while one types. */
export function SearchField({ label, onSearch }: Props) {
  const id = useId();
  const [text, setText] = useState("");
  const settled = useSettled(text);
  useEffect(() => onSearch(settled.trim()), [settled]);
  return (
    <div class="search-field">
      <SearchIcon />
      <label class="unseen" for={id}>{label}</label>
      <input
        id={id}
        type="search"
        placeholder={label}
        autocomplete="off"
        maxLength={MAX_LENGTH}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
    </div>
  );
}
