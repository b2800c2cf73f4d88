import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { listRooms } from "../../api/rooms.ts";
import type { Session } from "../../api/session.ts";
import type { Room } from "../../api/types.ts";
import { sentenceOf } from "../../lib/errors.ts";

/** Who is in which class changes by itself; looked at again this often while the page is in front. */
const REFRESH_EVERY_MS = 5000;

/** The classes with a name like `search`, as they are now. */
export function useRooms(session: Session, search: string) {
  const [pages, setPages] = useState(1);
  const [rooms, setRooms] = useState<readonly Room[] | null>(null);
  const [total, setTotal] = useState(0);
  const [error, setError] = useState<string | null>(null);
  const latest = useRef(0);

  const reload = useCallback(async () => {
    const turn = ++latest.current;
    try {
      const numbers = Array.from({ length: pages }, (_, index) => index + 1);
      const answers = await Promise.all(numbers.map((page) => listRooms(session, { page, search })));
      // A slower answer to an earlier question says nothing any more.
      if (turn !== latest.current) return;
      // One that was made between two answers would be on both pages.
      const byId = new Map(answers.flatMap(({ items }) => items.map((room) => [room.id, room] as const)));
      setRooms([...byId.values()]);
      setTotal(answers[0]?.total ?? 0);
      setError(null);
    } catch (failure) {
      if (turn === latest.current) setError(sentenceOf(failure));
    }
  }, [session, pages, search]);

  useEffect(() => {
    void reload();
    const timer = setInterval(() => {
      if (!document.hidden) void reload();
    }, REFRESH_EVERY_MS);
    return () => clearInterval(timer);
  }, [reload]);

  return { rooms, total, error, reload, showMore: () => setPages((count) => count + 1) };
}
