interface Props {
  readonly page: number;
  readonly perPage: number;
  readonly total: number;
  readonly onPage: (page: number) => void;
  /** What is paged, for screen readers. */
  readonly of: string;
}

/** Which part of a long list is shown, and the way to the others. */
export function Pager({ page, perPage, total, onPage, of }: Props) {
  if (total === 0) return null;
  const first = (page - 1) * perPage + 1;
  const last = Math.min(page * perPage, total);
  return (
    <nav class="pager" aria-label={`Pages of ${of}`}>
      <p>{`${first}–${last} of ${total}`}</p>
      {total > perPage && (
        <div class="pager-buttons">
          <button type="button" class="button" disabled={page <= 1} onClick={() => onPage(page - 1)}>Previous</button>
          <button type="button" class="button" disabled={last >= total} onClick={() => onPage(page + 1)}>Next</button>
        </div>
      )}
    </nav>
  );
}
