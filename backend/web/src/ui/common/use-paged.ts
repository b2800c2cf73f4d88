import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { Page } from "../../api/types.ts";
import { sentenceOf } from "../../lib/errors.ts";

export interface Paged<T> {
  /** Null until the first answer. */
  readonly items: readonly T[] | null;
  readonly total: number;
  readonly page: number;
  readonly error: string | null;
  readonly setPage: (page: number) => void;
  readonly reload: () => Promise<void>;
}

/** Show one page of a list after another. A `load` made anew, for other filters, begins with the first page. */
export function usePaged<T>(load: (page: number) => Promise<Page<T>>): Paged<T> {
  const [shown, setShown] = useState({ load, page: 1 });
  const [answer, setAnswer] = useState<Page<T> | null>(null);
  const [error, setError] = useState<string | null>(null);
  const latest = useRef(0);
  const page = shown.load === load ? shown.page : 1;

  const reload = useCallback(async () => {
    const turn = ++latest.current;
    try {
      const got = await load(page);
      // A slower answer to an earlier question says nothing any more.
      if (turn !== latest.current) return;
      setAnswer(got);
      setError(null);
    } catch (failure) {
      if (turn === latest.current) setError(sentenceOf(failure));
    }
  }, [load, page]);

  useEffect(() => void reload(), [reload]);
  const setPage = (wanted: number) => setShown({ load, page: wanted });
  return { items: answer?.items ?? null, total: answer?.total ?? 0, page, error, setPage, reload };
}
